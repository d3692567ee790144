/**
 * What results come to: of one signature that was tried with many keys, and of several signatures over one file. The only
 * order in which outcomes stand; rule E13 of docs/semantics.md.
 */
import type { DetachedOutcome, DetachedResult } from './kind.ts'

/**
 * Of one signature, the first of these decides: a key that verifies it made it, whatever another key of the same number
 * makes of it.
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

/** What speaks against the file itself, whoever else signed it. */
const AGAINST: readonly DetachedOutcome[] = ['bad-signature', 'other-file']

/** Of several signatures, the first of these decides: what speaks against the file, then as above. */
const OF_MANY = [...AGAINST, ...OF_ONE.filter(outcome => !AGAINST.includes(outcome))]

/** Whether somebody whose key was tried signed something else in place of this file. */
export function isAgainst(outcome: DetachedOutcome): boolean {
  return AGAINST.includes(outcome)
}

/**
 * Of each signature the results that decide about it, in their order: those of the key that it names, and of other keys
 * only where it names none of them. Which signature a result is of, its `index` tells.
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

/** What all signatures in a file come to, each tried with the same keys. Without any result nobody known signed. */
export function outcomeOf(results: readonly DetachedResult[]): DetachedOutcome {
  return outcomeOfSet(outcomesOf(decisiveResults(results)))
}

/** What several signatures over one file come to, each by what it comes to itself. */
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
