import type { ExitCode } from '../../policy/exit-code.ts'
import type { RefusalCode } from './refusal.ts'

/** The exit status of a refused history, by the same table as verdicts (S15). */
export function exitStatusOf(code: RefusalCode): Exclude<ExitCode, 0> {
  return STATUSES[code]
}

const STATUSES: Readonly<Record<RefusalCode, Exclude<ExitCode, 0>>> = {
  unsigned: 10,
  'missing-key': 11,
  unauthorized: 12,
  'not-a-descendant': 12,
  'bad-signature': 13,
  unacceptable: 13,
  'revoked-key': 14,
  'expired-key': 14,
  malformed: 20,
  undecided: 20,
  'missing-object': 20,
}
