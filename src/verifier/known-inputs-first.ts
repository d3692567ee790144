import { lstatSync } from 'node:fs'
import { isAttestedIn } from '../evidence/attestation-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { isCurrent, readAdmission } from '../ledger/admissions.ts'
import { admittedNow } from './admitted.ts'
import type { Inquiry } from './inquiry.ts'

/** Derivations that are looked at although nobody attested them and the ledger does not have them. */
export const UNKNOWN_LIMIT = 256

/** Bytes that one such derivation may have, and all of them together. */
const ONE_LIMIT = 1024 * 1024
const ALL_LIMIT = 32 * 1024 * 1024

/**
 * Derivations in an order that nobody else controls, first those that the ledger admitted, then those of
 * which something is attested, so that nobody can crowd these out, and of all others no more than a limit.
 */
export async function knownFirst(
  inquiry: Inquiry,
  derivations: readonly string[],
  limit = UNKNOWN_LIMIT,
): Promise<readonly string[]> {
  const { attestations } = await inquiry.snapshot()
  const { state, policy, now } = await admittedNow(inquiry)
  const standing = (derivation: string): 0 | 1 | 2 => {
    const entry = readAdmission(state, parseStorePath(derivation).digest, derivation)
    if (entry?.kind === 'derivation' && isCurrent(entry, policy, now)) return 0
    return isAttestedIn(attestations, derivation) ? 1 : 2
  }
  const ranked = [...new Set(derivations)].sort().map(path => ({ path, rank: standing(path) }))
  const known = [0, 1].flatMap(rank => ranked.filter(one => one.rank === rank))
  const unknown = withinBytes(ranked.filter(({ rank }) => rank === 2).slice(0, limit))
  return [...known, ...unknown].map(({ path }) => path)
}

/** Those that are read: anybody can add derivations of many megabytes. */
function withinBytes<T extends { readonly path: string }>(derivations: readonly T[]): readonly T[] {
  let left = ALL_LIMIT
  return derivations.filter(({ path }) => {
    const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > ONE_LIMIT || size > left) return false
    left -= size
    return true
  })
}
