/**
 * in-toto's release predicate v0.1 (in-toto/attestation, spec/predicates/release.md): the developer
 * states that these bytes are that release. Unknown fields are ignored.
 */
import { jsonObject } from '../../json/print.ts'
import { fields, type JsonNode, malformed, stringOf } from '../../json/shape.ts'
import type { JsonObject } from '../../json/strict.ts'

/** The predicate type. */
export const RELEASE = 'https://in-toto.io/attestation/release/v0.1'

/** A release predicate. */
export interface Release {
  readonly kind: 'release'
  /** A package URL with a version: `pkg:generic/hello@2.12`. */
  readonly purl: string
}

/**
 * Reads the predicate. Of the package URL, only the scheme and the presence of a version are
 * checked. Throws FormatError.
 */
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
