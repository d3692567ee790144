/** `nixsig unsetup`, without its messages. Heavy: loaded only by `import()`. */
import { existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { withLock } from '../files/lock.ts'
import { FileError } from '../files/regular-file.ts'
import { carryOut, writeRecord } from './carry-out.ts'
import { partialOf } from './file-state.ts'
import { lockFile, lookAtFiles } from './look.ts'
import type { SetupPlaces } from './places.ts'
import { type LeavePlan, planLeave } from './plan-unsetup.ts'
import { hasPurgeable, purge, removeEmpty } from './purge.ts'

/** How unsetup ended. */
export type LeaveOutcome =
  | { readonly kind: 'nothing' | 'declined' }
  /** `emptied`: directories that were purged and stay, as they are mount points. */
  | { readonly kind: 'done'; readonly emptied: readonly string[] }
  /** Something of setup is left, as the plan's notes say. */
  | { readonly kind: 'partly' }
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * Restores what setup changed if `agree`, which is shown the plan, agrees. `purges`: then also
 * deletes the policy and all of nixsig's state. Throws FileError and FormatError for files that
 * cannot be trusted, and the system's errors.
 */
export async function takeDown(
  places: SetupPlaces,
  purges: boolean,
  agree: (plan: LeavePlan) => Promise<boolean>,
): Promise<LeaveOutcome> {
  const shown = planLeave(lookAtFiles(places), places)
  const hasRest = purges && hasPurgeable(places)
  if (shown.isEmpty && !hasRest) return { kind: 'nothing' }
  if (!(await agree(shown))) return { kind: 'declined' }
  if (!existsSync(places.state)) return restore(places, purges, shown)
  return withLock(lockFile(places), () => restore(places, purges, shown))
}

async function restore(places: SetupPlaces, purges: boolean, shown: LeavePlan): Promise<LeaveOutcome> {
  const found = lookAtFiles(places)
  const plan = planLeave(found, places)
  if (JSON.stringify(plan) !== JSON.stringify(shown))
    throw new FileError('files changed while the plan was read: run unsetup again')
  const problem = await carryOut(places, plan.steps)
  if (problem !== undefined) return { kind: 'failed', problem }
  for (const file of [
    found.nixConf.path,
    found.rootConf.path,
    places.included,
    places.unit,
    places.socketUnit,
    places.afterBuild,
  ]) {
    if (file !== undefined) rmSync(partialOf(file), { force: true })
  }
  if (plan.steps.some(step => step.kind === 'stop-gate') && found.hasSystemd) {
    const { rereadUnits } = await import('./systemd.ts')
    await rereadUnits()
  }
  if (!plan.isWhole) return { kind: 'partly' }
  if (found.record?.nixConfDirectoryMade === true) removeEmpty(dirname(found.nixConf.path))
  for (const step of plan.steps) {
    if (step.kind !== 'file' || step.role !== 'root.conf' || step.after !== undefined) continue
    for (const directory of [dirname(step.path), dirname(dirname(step.path))]) removeEmpty(directory)
  }
  if (found.record !== undefined) writeRecord(places, undefined)
  return { kind: 'done', emptied: purges ? purge(places) : [] }
}
