import { FormatError } from '../../primitives/format-error.ts'
import { parseStrictJson } from '../json/strict.ts'
import { type Derivation, variableOf } from './derivation.ts'
import { addressesOf } from './fetched-urls.ts'

/** One file that a derivation fetches as it is. */
export interface FetchedFile {
  /** The first address that the derivation states, in the spelling of addressesOf. */
  readonly url: string
  /** SHA-256 of the file, lower-case hex. */
  readonly sha256: string
}

/**
 * The file that a derivation fetches and does not change, so that fetchurl of nixpkgs makes the same
 * path of its address, its hash and its name. Undefined of every other derivation, and where that is
 * not sure: of what is unpacked, or changed after it was fetched. Never throws.
 */
export function fetchedFile(derivation: Derivation): FetchedFile | undefined {
  const [output] = derivation.outputs
  if (output?.kind !== 'fixed' || output.method !== 'flat' || output.algorithm !== 'sha256') return undefined
  const [url] = addressesOf(derivation)
  return url === undefined || changesFile(derivation) ? undefined : { url, sha256: output.hash }
}

/** By `postFetch` of nixpkgs' fetchurl. */
function changesFile(derivation: Derivation): boolean {
  const structured = variableOf(derivation, '__json')
  if ((variableOf(derivation, 'postFetch') ?? '') !== '') return true
  return structured !== undefined && !NOTHING.includes(structuredPostFetch(structured))
}

/** What does nothing. */
const NOTHING: readonly unknown[] = ['', undefined]

/** Whoever writes a derivation may write its structured attributes in any form. False: not known. */
function structuredPostFetch(structured: string): unknown {
  try {
    const text = Buffer.from(structured, 'latin1').toString('utf8')
    const attributes = parseStrictJson(text, { length: structured.length, depth: 32 })
    return attributes instanceof Map ? attributes.get('postFetch') : false
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}
