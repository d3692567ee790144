/**
 * Predicates in which somebody states that they made, built or published a file: provenance
 * (slsa.dev/spec/v1.0 and v0.2), the publish attestations of npm (npm/attestation,
 * specs/publish/v0.1) and PyPI (docs.pypi.org/attestations/publish/v1) and in-toto releases. Other
 * predicates (a bill of materials, a vulnerability scan, a test result) approve nothing.
 */
import { fields, type JsonNode, malformed, objectOf, stringOf } from '../../json/shape.ts'
import { PROVENANCE } from './provenance.ts'
import { RELEASE, readRelease } from './release.ts'

const PROVENANCE_V02 = 'https://slsa.dev/provenance/v0.2'
const NPM_PUBLISH = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'
const PYPI_PUBLISH = 'https://docs.pypi.org/attestations/publish/v1'

/**
 * What such a predicate says, as text for people, not escaped; undefined if its type is not one of
 * them. Throws FormatError.
 */
export function readOrigin(type: string, predicate: JsonNode): string | undefined {
  switch (type) {
    case PROVENANCE:
      return `built by ${readProvenanceV1(predicate)}`
    case PROVENANCE_V02:
      return `built by ${readProvenanceV02(predicate)}`
    case NPM_PUBLISH:
      return `published as ${readPublication(predicate)}`
    case PYPI_PUBLISH:
      return readPyPiPublication(predicate)
    case RELEASE:
      return `released as ${readRelease(predicate).purl}`
    default:
      return undefined
  }
}

function readProvenanceV1(node: JsonNode): string {
  const shape = { optional: [], others: 'ignore' } as const
  const { buildDefinition, runDetails } = fields(node, {
    required: ['buildDefinition', 'runDetails'],
    ...shape,
  })
  stringOf(fields(buildDefinition, { required: ['buildType'], ...shape }).buildType)
  const { builder } = fields(runDetails, { required: ['builder'], ...shape })
  return stringOf(fields(builder, { required: ['id'], ...shape }).id)
}

function readProvenanceV02(node: JsonNode): string {
  const shape = { optional: [], others: 'ignore' } as const
  const { builder, buildType } = fields(node, { required: ['builder', 'buildType'], ...shape })
  stringOf(buildType)
  return stringOf(fields(builder, { required: ['id'], ...shape }).id)
}

function readPublication(node: JsonNode): string {
  const { name, version, registry } = fields(node, {
    required: ['name', 'version', 'registry'],
    optional: [],
    others: 'ignore',
  })
  stringOf(registry)
  return `${stringOf(name)}@${stringOf(version)}`
}

/** It says nothing more than its type. Throws FormatError if it does. */
function readPyPiPublication(node: JsonNode): string {
  if (node.value !== null && objectOf(node).size > 0) throw malformed(node, 'must be empty')
  return 'published on PyPI'
}
