/**
 * Exit statuses. A verdict has one of src/policy/exit-code.ts: 0 trusted, 10 unsigned, 11 unknown
 * signer, 12 threshold not met or refused by the rule, 13 bad signature, other contents or
 * conflict, 14 revoked or expired, 20 undecided. Beside those there are the ones of `Status`.
 */
import type { ExitCode } from '../policy/exit-code.ts'

/**
 * 1: the doctor found an open door, or the decision log has a fault. 2: the call, the policy or a file that was named is wrong. 70:
 * a fault of nixsig itself.
 */
export type Status = ExitCode | 1 | 2 | 70

/**
 * Of several, the first of these. An undecided path comes last: what is refused for certain says
 * more.
 */
const SEVERITY: readonly ExitCode[] = [13, 14, 12, 11, 10, 20]

/** The status of several verdicts: the most severe one, in the order 13, 14, 12, 11, 10, 20, 0. */
export function mostSevere(codes: readonly ExitCode[]): ExitCode {
  return SEVERITY.find(code => codes.includes(code)) ?? 0
}
