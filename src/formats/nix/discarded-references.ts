import { isObject } from '../json/print.ts'
import { parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'

const LIMITS = { length: 16 * 1024 * 1024, depth: 64, fractions: true }

/**
 * Whether a derivation has Nix register no references of an output, whatever is in it: `unsafeDiscardReferences`, which
 * stands in structured attributes alone (Nix manual, "Advanced Attributes"). Throws FormatError for JSON that is none.
 */
export function discardsReferences(derivation: Derivation, output: string): boolean {
  const structured = variableOf(derivation, '__json')
  if (structured?.includes('unsafeDiscardReferences') !== true) return false
  // An ASCII name of an output reads alike in either encoding.
  const attributes = parseStrictJson(structured, LIMITS)
  const discarded = isObject(attributes) ? attributes.get('unsafeDiscardReferences') : undefined
  return discarded !== undefined && isObject(discarded) && discarded.get(output) === true
}
