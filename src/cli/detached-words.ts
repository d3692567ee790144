import type { DetachedResult } from '../crypto/detached/verify.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { word } from '../policy/words.ts'

/** What each outcome is called, and its exit status. The first outcome in this order that any key has is the whole one. */
const OUTCOMES = {
  good: { words: 'signed by', status: 0 },
  'bad-signature': { words: 'does not verify with', status: 13 },
  'other-file': { words: 'is over something else, though by', status: 13 },
  unacceptable: { words: 'proves too little, though by', status: 13 },
  'revoked-key': { words: 'by a revoked key:', status: 14 },
  'expired-since': { words: 'by a key that has expired since:', status: 14 },
  'expired-key': { words: 'by an expired key:', status: 14 },
  'expired-signature': { words: 'expired, by', status: 14 },
  unreadable: { words: 'could not be checked with', status: 20 },
  'unknown-signer': { words: 'not by', status: 11 },
} as const satisfies Record<DetachedResult['outcome'], { words: string; status: ExitCode }>

/** What one key has to do with a signature, in one line. */
export function detachedWords({ key, outcome, detail }: DetachedResult): string {
  return `${OUTCOMES[outcome].words} ${word(key.label)} (${detail})`
}

/** The exit status of a signature: 0 if any key made it and may; without any key of its kind, 11. */
export function detachedStatus(results: readonly DetachedResult[]): ExitCode {
  const found = Object.entries(OUTCOMES).find(([outcome]) =>
    results.some(result => result.outcome === outcome),
  )
  return found?.[1].status ?? 11
}
