/**
 * in-toto's release predicate v0.1 (in-toto/attestation, spec/predicates/release.md): whoever makes the software says
 * that these bytes are that release. Fields of other names are ignored.
 */
import { jsonObject } from '../../json/print.ts'
import { fields, type JsonNode, malformed, stringOf } from '../../json/shape.ts'
import type { JsonObject } from '../../json/strict.ts'

export const RELEASE = 'https://in-toto.io/attestation/release/v0.1'

export interface Release {
  readonly kind: 'release'
  /** Package URL with a version: `pkg:generic/hello@2.12`. */
  readonly purl: string
}

/** Reads the predicate; throws FormatError. Of a package URL only its scheme and that it has a version is looked at. */
export function readRelease(node: JsonNode): Release {
  const { purl } = fields(node, { required: ['purl'], optional: [], others: 'ignore' })
  const text = stringOf(purl)
  if (!/^pkg:[^@]+@./.test(text)) throw malformed(purl, 'must be a package URL with a version')
  return { kind: 'release', purl: text }
}

/** The predicate of a release. */
export function releaseJson(purl: string): JsonObject {
  return jsonObject([['purl', purl]])
}
