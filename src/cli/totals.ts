/** What `nixsig verify` says of each path, and of all of them. */
import type { VerdictJson } from '../explain/verdict-json.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import type { Policy } from '../policy/policy.ts'

/** A path that was judged: as `--json` prints it, and in words. */
export interface JudgedPath {
  readonly json: VerdictJson
  readonly text: string
  /** The mode of the policy by which it was judged, if that is known. */
  readonly mode?: Policy['mode'] | undefined
}

/** The kinds of verdicts by their exit status, in the order in which they are counted. */
const KINDS = [
  [0, 'trusted'],
  [10, 'unsigned'],
  [11, 'signed by unknown signers alone'],
  [12, 'with too few signatures, or refused by their rule'],
  [13, 'with a bad signature, other contents or a conflict'],
  [14, 'revoked or expired'],
  [20, 'undecided'],
] as const satisfies readonly (readonly [ExitCode, string])[]

/** For example `3 trusted, 1 unsigned`. */
export function totals(codes: readonly ExitCode[]): string {
  const counts = KINDS.map(([code, words]) => [codes.filter(each => each === code).length, words] as const)
  const told = counts.filter(([count]) => count > 0)
  return told.map(([count, words]) => `${count} ${words}`).join(', ')
}
