import { isObject } from '../json/print.ts'
import { parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'

const LIMITS = { length: 16 * 1024 * 1024, depth: 64, fractions: true }

/**
 * Whether a derivation tells Nix to register no references of an output, whatever the output
 * contains: `unsafeDiscardReferences`, which only structured attributes can set (Nix manual,
 * "Advanced Attributes"). Throws FormatError for invalid JSON.
 */
export function discardsReferences(derivation: Derivation, output: string): boolean {
  const structured = variableOf(derivation, '__json')
  if (structured?.includes('unsafeDiscardReferences') !== true) return false
  // The ASCII name of an output is the same in either encoding.
  const attributes = parseStrictJson(structured, LIMITS)
  const discarded = isObject(attributes) ? attributes.get('unsafeDiscardReferences') : undefined
  return discarded !== undefined && isObject(discarded) && discarded.get(output) === true
}
