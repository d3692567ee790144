/**
 * SLSA provenance v1 (slsa.dev/spec/v1.0/provenance): this builder built that derivation and got
 * these bytes. The fields that nixsig uses are read strictly. Other fields are ignored, because the
 * specification lets builders add some.
 */
import { jsonObject } from '../../json/print.ts'
import { fields, type JsonNode, listOf, malformed, objectOf, readString, stringOf } from '../../json/shape.ts'
import type { JsonObject } from '../../json/strict.ts'
import { isDerivationPath, parseStorePath } from '../../nix/store-path.ts'
import { parseTimestamp, printTimestamp } from '../../timestamp.ts'
import { nixsigUri } from '../nixsig-uri.ts'
import { readSubject, type Subject, subjectJson } from '../statement.ts'

/** The predicate type. */
export const PROVENANCE = 'https://slsa.dev/provenance/v1'

/**
 * The build type of one derivation built by Nix. Its external parameters are `derivation` and
 * `output`; its dependencies are store paths.
 */
export const BUILD_TYPE = 'nixsig:build-type:derivation:v1'

const DEPENDENCY_LIMIT = 16_384

/** The build of one output of a derivation. */
export interface DerivationBuild {
  /** The store path of the derivation. */
  readonly derivation: string
  /** The output that the statement is about: `out`, `dev` … */
  readonly output: string
  /** The derivation's direct inputs, with the contents that the builder had. */
  readonly inputs: readonly Subject[]
  /** The builder had these contents before, built again, and got the same. */
  readonly reproduced?: true
}

/** A provenance predicate. */
export interface Provenance {
  readonly kind: 'provenance'
  /**
   * The URI of the builder. For nixsig's own builders it is made of their key id, see signerUri.
   */
  readonly signer: string
  readonly buildType: string
  /** What was built; absent if `buildType` is not BUILD_TYPE. */
  readonly build?: DerivationBuild
  /** Seconds since 1970. */
  readonly finishedOn?: number
}

/** Reads the predicate. Throws FormatError. */
export function readProvenance(node: JsonNode): Provenance {
  const { buildDefinition, runDetails } = fields(node, {
    required: ['buildDefinition', 'runDetails'],
    optional: [],
    others: 'ignore',
  })
  const run = fields(runDetails, { required: ['builder'], optional: ['metadata'], others: 'ignore' })
  const builder = fields(run.builder, { required: ['id'], optional: [], others: 'ignore' })
  const definition = fields(buildDefinition, {
    required: ['buildType', 'externalParameters'],
    optional: ['internalParameters', 'resolvedDependencies'],
    others: 'ignore',
  })
  const buildType = stringOf(definition.buildType)
  const parameters = definition.externalParameters
  objectOf(parameters)
  return {
    kind: 'provenance',
    signer: stringOf(builder.id),
    buildType,
    ...(nixsigUri(buildType) === BUILD_TYPE
      ? { build: { ...readBuild(parameters, definition.resolvedDependencies), ...readInternal(definition) } }
      : {}),
    ...readMetadata(run.metadata),
  }
}

/**
 * The provenance of an output whose build nixsig's post-build hook observed, or that was
 * reproduced. `finishedOn` is in seconds since 1970.
 */
export function provenanceJson(signer: string, build: DerivationBuild, finishedOn: number): JsonObject {
  return jsonObject([
    [
      'buildDefinition',
      jsonObject([
        ['buildType', BUILD_TYPE],
        [
          'externalParameters',
          jsonObject([
            ['derivation', build.derivation],
            ['output', build.output],
          ]),
        ],
        ['internalParameters', build.reproduced && jsonObject([['reproduced', true]])],
        ['resolvedDependencies', build.inputs.map(subjectJson)],
      ]),
    ],
    [
      'runDetails',
      jsonObject([
        ['builder', jsonObject([['id', signer]])],
        ['metadata', jsonObject([['finishedOn', printTimestamp(finishedOn)]])],
      ]),
    ],
  ])
}

function readBuild(parameters: JsonNode, dependencies: JsonNode | undefined): DerivationBuild {
  const { derivation, output } = fields(parameters, {
    required: ['derivation', 'output'],
    optional: [],
    others: 'refuse',
  })
  const path = readString(derivation, parseStorePath)
  if (!isDerivationPath(path)) throw malformed(derivation, 'must be a derivation')
  const inputs = dependencies === undefined ? [] : listOf(dependencies, DEPENDENCY_LIMIT).map(readSubject)
  return { derivation: path.path, output: stringOf(output), inputs }
}

/** Tells people how the builder came to know: it decides nothing, and others add parameters. */
function readInternal({ internalParameters }: { readonly internalParameters?: JsonNode }): {
  reproduced?: true
} {
  if (internalParameters === undefined) return {}
  return objectOf(internalParameters).get('reproduced') === true ? { reproduced: true } : {}
}

function readMetadata(node: JsonNode | undefined): { finishedOn?: number } {
  if (node === undefined) return {}
  const { finishedOn } = fields(node, { required: [], optional: ['finishedOn'], others: 'ignore' })
  return finishedOn === undefined ? {} : { finishedOn: readString(finishedOn, parseTimestamp) }
}
