import { decisiveResults, outcomeOf } from '../crypto/detached/severity.ts'
import type { DetachedOutcome, DetachedResult } from '../crypto/detached/verify.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { word } from '../policy/words.ts'

/** What each outcome is called, and its exit status. */
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
} as const satisfies Record<DetachedOutcome, { words: string; status: ExitCode }>

/** What one key has to do with a signature, in one line. */
export function detachedWords({ key, outcome, detail }: DetachedResult): string {
  return `${OUTCOMES[outcome].words} ${word(key.label)} (${detail})`
}

/** The exit status of a signature file; without any key of its kind, 11. */
export function detachedStatus(results: readonly DetachedResult[]): ExitCode {
  return OUTCOMES[outcomeOf(results)].status
}

/**
 * The keys' results that make a signature file good; empty where it is not, be it because another
 * signature in it is over something else.
 */
export function goodResults(results: readonly DetachedResult[]): readonly DetachedResult[] {
  if (outcomeOf(results) !== 'good') return []
  return decisiveResults(results).filter(({ outcome }) => outcome === 'good')
}

/** The exit status of an outcome. */
export function outcomeStatus(outcome: DetachedOutcome): ExitCode {
  return OUTCOMES[outcome].status
}
