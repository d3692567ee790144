/** Which signatures of an offered path Nix gets to keep: docs/semantics.md, G14. */
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { parseNixSignature } from '../formats/nix/nix-key.ts'
import { FormatError } from '../primitives/format-error.ts'

/** The most signatures by keys that nobody lists that a path keeps. */
const UNLISTED_LIMIT = 8

/**
 * The signatures that go into the store with a path: those by listed keys, then some others. A key
 * that nobody lists today may be listed tomorrow, and the cache need not have the path any more.
 * The offers say the same of what signatures cover.
 */
export function signaturesToPassOn(listed: readonly string[], offers: readonly Offer[]): readonly string[] {
  const others = new Set(offers.flatMap(({ narinfo }) => narinfo.signatures))
  for (const text of listed) others.delete(text)
  const kept = [...others].filter(isNixSignature).slice(0, UNLISTED_LIMIT)
  return [...new Set([...listed, ...kept])]
}

function isNixSignature(text: string): boolean {
  try {
    parseNixSignature(text)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}
