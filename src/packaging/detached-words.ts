import { decisiveResults, outcomeOf } from '../crypto/detached/severity.ts'
import type { DetachedOutcome, DetachedResult } from '../crypto/detached/verify.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { list, word } from '../policy/words.ts'
import { keyWord } from './key-names.ts'

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
  const whose = outcome === 'unknown-signer' ? word(key.label) : keyWord(key)
  return `${OUTCOMES[outcome].words} ${whose} (${detail})`
}

/** Signers that are named where none of the keys made a signature. */
const SIGNERS = 3

/**
 * What signatures come to, in lines: one for each key that made one or is named by one. Where none
 * of several keys is, one line says who signed instead.
 */
export function detachedLines(results: readonly DetachedResult[]): readonly string[] {
  const concerned = decisiveResults(results).filter(({ outcome }) => outcome !== 'unknown-signer')
  if (concerned.length > 0) return concerned.map(detachedWords)
  if (results.length < 2) return results.map(detachedWords)
  const signers = list([...new Set(results.map(({ detail }) => detail))], SIGNERS)
  return [`not by any of the ${results.length} keys that were tried: signed by ${signers}`]
}

/** What signatures come to, in one line. */
export function detachedSummary(results: readonly DetachedResult[]): string {
  return detachedLines(results).join('; ') || 'none of the keys makes signatures of this kind'
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
