/** Which of the paths that this machine uses would be refused now. */
import { judgeWithin, LateError } from '../files/deadline.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { verifyPath } from '../verifier/verify.ts'
import { pathsToJudge, type ToJudge } from './to-judge.ts'

export interface Asked extends ToJudge {
  /** Called with the number of paths before they are judged, and then for each of them. */
  onBegin(paths: number): void
  onJudged(): void
}

export interface Survey {
  /** How many of the refused were let in with a warning. */
  readonly letIn: number
  readonly trusted: number
  readonly refused: readonly Refusal[]
  /** Paths and roots for which there was no time or room; there may be more behind them. */
  readonly unjudged: number
}

/**
 * Judges paths by today's evidence, as `nixsig verify --no-contents` does: whatever was found
 * earlier, and without reading contents. What is no longer in the store is not counted. Rejects
 * where the store does not answer.
 */
export async function survey(inquiry: Inquiry, asked: Asked): Promise<Survey> {
  const { end } = asked
  const { paths, left } = await pathsToJudge(await inquiry.store(), asked)
  asked.onBegin(paths.length)
  const refused: Refusal[] = []
  let judged = 0
  for (const path of paths) {
    const verdict = await verdictBefore(inquiry, path, end)
    if (verdict === undefined) break
    judged++
    if (verdict.outcome !== 'trusted') refused.push(verdict)
    asked.onJudged()
  }
  const letIn = new Set(asked.letIn)
  return {
    letIn: refused.filter(({ path }) => letIn.has(path)).length,
    trusted: judged - refused.length,
    refused,
    unjudged: paths.length - judged + left + asked.roots.left,
  }
}

/** Undefined where the time is over before there is one. */
async function verdictBefore(inquiry: Inquiry, path: string, end: number): Promise<Verdict | undefined> {
  const time = end - performance.now()
  if (time <= 0) return undefined
  const verdict = await judgeWithin(() => verifyPath(inquiry, path, 'registered'), time).catch(onlyLate)
  // The last refusal may be for want of time.
  return verdict?.outcome !== 'trusted' && performance.now() >= end ? undefined : verdict
}

function onlyLate(error: unknown): undefined {
  if (error instanceof LateError) return undefined
  throw error
}
