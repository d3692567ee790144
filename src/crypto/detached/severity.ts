/**
 * Combines results: of one signature that was tried with many keys, and of several signatures over
 * one file. This is the only ranking of outcomes; rule E13 of docs/semantics.md.
 */
import type { DetachedOutcome, DetachedResult } from './kind.ts'

/**
 * For one signature, the first of these outcomes decides. If one key verifies it, failures of other
 * keys with the same number do not matter.
 */
const OF_ONE: readonly DetachedOutcome[] = [
  'good',
  'expired-since',
  'bad-signature',
  'other-file',
  'unacceptable',
  'revoked-key',
  'expired-key',
  'expired-signature',
  'unreadable',
  'unknown-signer',
]

/** Outcomes that speak against the file itself, whoever else signed it. */
const AGAINST: readonly DetachedOutcome[] = ['bad-signature', 'other-file']

/**
 * For several signatures, the first of these decides: outcomes against the file, then the order
 * above.
 */
const OF_MANY = [...AGAINST, ...OF_ONE.filter(outcome => !AGAINST.includes(outcome))]

/** Whether a known key signed something else instead of this file. */
export function isAgainst(outcome: DetachedOutcome): boolean {
  return AGAINST.includes(outcome)
}

/**
 * The results that decide about each signature, in order: those of the keys that it names, or those
 * of other keys if it names none. `index` tells which signature a result belongs to.
 */
export function decisiveResults(results: readonly DetachedResult[]): readonly DetachedResult[] {
  const groups = new Map<number | undefined, Set<DetachedOutcome>>()
  for (const { index, outcome } of results) {
    const group = groups.get(index) ?? new Set()
    groups.set(index, group.add(outcome))
  }
  const deciding = new Map([...groups].map(([index, group]) => [index, first(OF_ONE, [...group])]))
  return results.filter(({ index, outcome }) => outcome === deciding.get(index))
}

/**
 * The combined outcome of all signatures in a file, each tried with the same keys. Without any
 * result, the signer is unknown.
 */
export function outcomeOf(results: readonly DetachedResult[]): DetachedOutcome {
  return outcomeOfSet(outcomesOf(decisiveResults(results)))
}

/** The combined outcome of several signature files over one file. */
export function outcomeOfSet(outcomes: readonly DetachedOutcome[]): DetachedOutcome {
  return first(OF_MANY, outcomes) ?? 'unknown-signer'
}

function first(
  order: readonly DetachedOutcome[],
  outcomes: readonly DetachedOutcome[],
): DetachedOutcome | undefined {
  return order.find(outcome => outcomes.includes(outcome))
}

function outcomesOf(results: readonly DetachedResult[]): readonly DetachedOutcome[] {
  return results.map(({ outcome }) => outcome)
}
