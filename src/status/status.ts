/** All that `nixsig status` says, as data. */

import { type LogHealth, logErrors } from '../decisions/health.ts'
import { type ExitCode, exitCode } from '../policy/exit-code.ts'
import type { Policy } from '../policy/policy.ts'
import type { Reader } from '../policy/steps.ts'
import type { Answering } from './answers.ts'
import type { Doors } from './doors.ts'
import type { Group } from './groups.ts'
import type { Survey } from './survey.ts'

export interface MachineStatus {
  /** Who called. */
  readonly reader: Reader
  /** Seconds since 1970. */
  readonly now: number
  /** As the policy has it, whatever a respite does. */
  readonly mode: Policy['mode']
  /** Why it would not be enforced at all, with what to do; undefined: it would. */
  readonly lack: string | undefined
  readonly respite: { readonly until: number; readonly reason: string } | undefined
  /** Of the program that was called, and of other parts that are in force, in words. */
  readonly version: string
  readonly otherVersions: readonly string[]
  /** Undefined: not looked at, as only root can; `problem`: why they could not be. */
  readonly doors: Doors | { readonly problem: string } | undefined
  /** The decision log; undefined: not looked at, as only root can, or the policy keeps none. */
  readonly log: LogHealth | undefined
  readonly caches: readonly Answering[]
  readonly sources: readonly Answering[]
  /** How many roots were followed. */
  readonly roots: number
  readonly survey: Survey
  readonly groups: readonly Group[]
  /** Whether it was judged with all that this machine knows; otherwise without its ledger. */
  readonly isWhole: boolean
}

/**
 * The exit statuses of all paths that would be refused; undecided if something was not judged, or the
 * log that the policy makes a condition is not well.
 */
export function exitCodesOf({ refused, unjudged }: Survey, log?: LogHealth): readonly ExitCode[] {
  const codes = refused.map(exitCode)
  return unjudged > 0 || logErrors(log).length > 0 ? [...codes, UNDECIDED] : codes
}

/** The least severe status: any refusal says more. */
const UNDECIDED: ExitCode = 20

/** How many paths were judged. */
export function judgedIn({ trusted, refused }: Survey): number {
  return trusted + refused.length
}

/**
 * The value that `nixsig status --json` prints: docs/schemas/status.schema.json. Times in seconds.
 */
export function statusJson(status: MachineStatus): object {
  const { survey, doors, log } = status
  return {
    mode: status.mode,
    respite: status.respite ?? null,
    version: status.version,
    other_versions: status.otherVersions,
    doors: doors ?? null,
    log: log === undefined ? null : logJson(log),
    caches: status.caches.map(answeringJson),
    sources: status.sources.map(answeringJson),
    paths: {
      roots: status.roots,
      let_in: survey.letIn,
      judged: judgedIn(survey),
      trusted: survey.trusted,
      refused: survey.refused.length,
      unjudged: survey.unjudged,
    },
    groups: status.groups.map(({ code, title, next, stopped }) => ({
      code,
      title,
      next,
      paths: stopped.map(({ path, because, message, refusal }) => ({
        path,
        because: because ?? null,
        message,
        status: exitCode(refusal),
      })),
    })),
    with_ledger: status.isWhole,
  }
}

function answeringJson({ url, last }: Answering): object {
  return { url, answered: last?.answered ?? null, failed: last?.failed ?? null }
}

function logJson({ lines, unfolded, problems }: LogHealth): object {
  return {
    lines,
    unfolded,
    problems: problems.map(({ code, detail, next, isError }) => ({ code, detail, next, error: isError })),
  }
}
