import type { Finding, Verdict } from './verdict.ts'

/**
 * The exit status of a verdict, for scripts: 0 trusted; 10 unsigned; 11 signed, but by nobody in
 * the trusted list; 12 not signed by enough people, or refused by the rule itself; 13 a bad
 * signature, other contents than were signed, builders or caches in conflict, or contents that were
 * changed on disk; 14 a key that is revoked or not valid now; 20 could not be decided.
 */
export type ExitCode = 0 | 10 | 11 | 12 | 13 | 14 | 20

/**
 * The exit status of a verdict, by its first finding. For a refused input, it is the status of the
 * input's verdict.
 */
export function exitCode(verdict: Verdict): ExitCode {
  let decided = verdict
  while (decided.outcome === 'untrusted') {
    const [first] = decided.findings
    if (first.code !== 'input') return CODES[first.code]
    decided = first.verdict
  }
  return decided.outcome === 'trusted' ? 0 : 20
}

const CODES: Readonly<Record<Exclude<Finding['code'], 'input'>, ExitCode>> = {
  unsigned: 10,
  'no-developer': 10,
  'unknown-signer': 11,
  threshold: 12,
  'not-logged': 12,
  'refused-by-rule': 12,
  'no-input-rule': 12,
  'bad-signature': 13,
  'not-a-signature': 13,
  'wrong-digest': 13,
  conflict: 13,
  disagreement: 13,
  altered: 13,
  references: 13,
  revoked: 14,
  expired: 14,
  'not-yet-valid': 14,
  'unknown-derivation': 20,
  'unsupported-derivation': 20,
  unreadable: 20,
  'unvouched-references': 20,
  'ended-list': 20,
  'missing-list': 20,
}
