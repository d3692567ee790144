/**
 * What `nixsig explain` says of a claim, of an entry of the ledger and of binary caches that
 * disagreed.
 */
import { type Admission, isCurrent, isLetIn, NO_POLICY, RESPITED } from '../ledger/admissions.ts'
import type { Conflict } from '../ledger/conflicts.ts'
import { datedFor, holderOf, standingOf } from '../policy/key-standing.ts'
import type { LogStanding } from '../policy/log-quorums.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'
import type { Claim } from '../policy/verdict.ts'
import { list, pathWord, when, whoWord, word } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'

/** The most keys of a chain of certificates that are told. */
const CERTIFIERS = 8

/**
 * One claim in a line: who says what about which contents, by which key, and where that was read.
 */
export function claimWords(
  policy: Policy,
  claim: Claim,
  present: { readonly narHash: string; readonly now: Instant; readonly name: string },
): string {
  const listed = holderOf(policy, claim.key)
  const use = { role: claim.role, name: present.name }
  const holder = listed && (datedFor(policy, listed, use, present.now) ?? listed)
  const who =
    holder === undefined ? 'somebody who is not in the trusted list' : whoWord(holder.principal.name)
  const key = holder === undefined ? word(claim.key) : word(holder.key.label)
  const remarks = [
    certifiedRemark(policy, holder?.key.certifiedBy ?? []),
    claim.coversGraph === true ? 'with its whole build graph' : undefined,
    claim.graph === undefined ? undefined : `by signing the build graph of ${pathWord(claim.graph)}`,
    claim.narHash === present.narHash ? undefined : `about other contents (${word(claim.narHash)})`,
    claim.expired === undefined ? undefined : expiredRemark(claim.expired),
    ...(claim.logging ?? []).map(loggedRemark),
    holder === undefined ? undefined : standingRemark(standingOf(policy, holder, present.now)),
  ].filter(remark => remark !== undefined)
  return [`${who} as ${claim.role}, key ${key}`, ...remarks, `in ${word(claim.origin)}`].join(', ')
}

/** By which keys a key was certified, the listed one first: `certified by root-1, next-1`. */
function certifiedRemark(policy: Policy, by: readonly KeyIdentity[]): string | undefined {
  return by.length === 0 ? undefined : `certified by ${list(keyLabels(policy, by), CERTIFIERS)}`
}

/** Keys as the policy or their certificates call them. Escaped. */
export function keyLabels(policy: Policy, keys: readonly KeyIdentity[]): readonly string[] {
  return keys.map(identity => word(holderOf(policy, identity)?.key.label ?? identity))
}

function loggedRemark({ quorum, outcome, found, detail = '' }: LogStanding): string {
  const name = word(quorum)
  switch (outcome) {
    case 'proven':
      return `proven to be logged for the quorum ${name}`
    case 'too-few':
      return `logged, and seen by too few for the quorum ${name} (${list(found.map(word), 6)})`
    case 'wrong':
      return `with no proof that holds for the quorum ${name} (${printable(detail, 200)})`
  }
}

function expiredRemark({ signedAt, at }: NonNullable<Claim['expired']>): string {
  return `signed ${when(signedAt)} by its own word, before the key ended ${when(at)}`
}

function standingRemark(standing: ReturnType<typeof standingOf>): string | undefined {
  switch (standing.code) {
    case 'valid':
      return undefined
    case 'revoked':
      return `revoked ${when(standing.since)}`
    case 'expired':
      return `expired ${when(standing.at)}`
    case 'not-yet-valid':
      return `valid only from ${when(standing.at)}`
  }
}

/** What the ledger's entry of a path is held against. */
export interface Present {
  /** Digest of the policy in force. */
  readonly policy: string
  /** Seconds since 1970. */
  readonly now: number
  /** The path as it is in the store; undefined if it is not there. */
  readonly narHash: string | undefined
}

/**
 * What the ledger has about a path, in one line: when and under what it was admitted, and whether
 * that still holds.
 */
export function ledgerWords(entry: Admission | undefined, present: Present): string {
  if (entry === undefined) return 'never admitted'
  const made = entry.builtHere ? ', built here' : ''
  const admitted = `admitted ${when(entry.time)} under rule "${word(entry.rule)}"${made}`
  if (entry.kind === 'signature') return `let in ${when(entry.time)} as a signature, which is not a source`
  const stale = whyStale(entry, present)
  if (isLetIn(entry)) {
    const why = entry.rule === RESPITED ? 'during a respite' : 'while the policy only warned'
    return `not admitted; refused ${when(entry.time)}, ${why}${made}`
  }
  return stale === undefined ? `${admitted}; current` : `${admitted}; stale: ${stale}`
}

function whyStale(entry: Admission, { policy, now, narHash }: Present): string | undefined {
  if (narHash !== undefined && entry.narHash !== narHash) {
    return `it was about other contents (${entry.narHash})`
  }
  if (entry.policy === NO_POLICY) return 'nixsig was of an older version'
  if (entry.policy !== policy) return 'the policy has changed since'
  if (isCurrent(entry, policy, now)) return undefined
  return `it ended ${when(entry.until ?? now)}`
}

/** What binary caches said when they disagreed last, a line each; none if they never did. */
export function disagreementLines(conflict: Conflict | undefined): readonly string[] {
  if (conflict === undefined) return []
  const sides = conflict.sides.map(
    ({ who, path, narHash, narSize }) =>
      `${word(who)} had ${pathWord(path)} with sha256:${narHash}, ${narSize} bytes`,
  )
  return [`disagreed ${when(conflict.time)}:`, ...sides]
}
