/** Which signatures of an offered path Nix gets to keep: docs/semantics.md, G14. */
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { parseNixSignature } from '../formats/nix/nix-key.ts'
import { FormatError } from '../primitives/format-error.ts'

/** The most signatures by keys that nobody lists that a path keeps. */
const UNLISTED_LIMIT = 8

/**
 * The signatures that go into the store with a path: those by listed keys, then some others. A key
 * that nobody lists today may be listed tomorrow, and the cache need not have the path any more.
 * Each offer gets its turn, so that one with very many signatures keeps out those of no other. The
 * offers say the same of what signatures cover.
 */
export function signaturesToPassOn(listed: readonly string[], offers: readonly Offer[]): readonly string[] {
  const kept = new Set(listed)
  const others = offers.map(({ narinfo }) =>
    narinfo.signatures.filter(text => !kept.has(text)).filter(isNixSignature),
  )
  const limit = kept.size + UNLISTED_LIMIT
  const turns = Math.max(0, ...others.map(({ length }) => length))
  for (let turn = 0; turn < turns; turn++) {
    for (const { [turn]: text } of others) {
      if (kept.size >= limit) return [...kept]
      if (text !== undefined) kept.add(text)
    }
  }
  return [...kept]
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
