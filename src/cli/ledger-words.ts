import { type Admission, isCurrent, NO_POLICY } from '../ledger/admissions.ts'
import type { Conflict } from '../ledger/conflicts.ts'
import { pathWord, when, word } from '../policy/words.ts'

/** What the ledger's entry of a path is held against. */
export interface Present {
  /** Digest of the policy in force. */
  readonly policy: string
  /** Seconds since 1970. */
  readonly now: number
  /** The path as it is in the store; undefined if it is not there. */
  readonly narHash: string | undefined
}

/** What the ledger has about a path, in one line: when and under what it was admitted, and whether that still holds. */
export function ledgerWords(entry: Admission | undefined, present: Present): string {
  if (entry === undefined) return 'never admitted'
  const made = entry.builtHere ? ', built here' : ''
  const admitted = `admitted ${when(entry.time)} under rule "${word(entry.rule)}"${made}`
  if (entry.kind === 'signature') return `let in ${when(entry.time)} as a signature, which is no source`
  const stale = whyStale(entry, present)
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
