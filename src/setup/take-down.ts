/** `nixsig unsetup`, without its messages. Heavy: loaded only by `import()`. */
import { existsSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { withLock } from '../files/lock.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { SECRETS } from './carry/carried.ts'
import { carryOut, writeRecord } from './carry-out.ts'
import { partialOf } from './file-state.ts'
import { lockFile, lookAtFiles } from './look.ts'
import type { SetupPlaces } from './places.ts'
import { type LeavePlan, planLeave } from './plan-unsetup.ts'

/** How unsetup ended. */
export type LeaveOutcome =
  | { readonly kind: 'nothing' | 'declined' | 'done' }
  /** Something of setup is left, as the plan's notes say. */
  | { readonly kind: 'partly' }
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * Restores what setup changed if `agree`, which is shown the plan, agrees. `purge`: then also
 * deletes the policy and all of nixsig's state. Throws FileError and FormatError for files that
 * cannot be trusted, and the system's errors.
 */
export async function takeDown(
  places: SetupPlaces,
  purge: boolean,
  agree: (plan: LeavePlan) => Promise<boolean>,
): Promise<LeaveOutcome> {
  const shown = planLeave(lookAtFiles(places), places)
  const hasRest = purge && (existsSync(places.state) || existsSync(places.policy))
  if (shown.isEmpty && !hasRest) return { kind: 'nothing' }
  if (!(await agree(shown))) return { kind: 'declined' }
  if (!existsSync(places.state)) return restore(places, purge, shown)
  return withLock(lockFile(places), () => restore(places, purge, shown))
}

async function restore(places: SetupPlaces, purge: boolean, shown: LeavePlan): Promise<LeaveOutcome> {
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
    places.afterBuild,
  ]) {
    if (file !== undefined) rmSync(partialOf(file), { force: true })
  }
  if (plan.steps.some(step => step.kind === 'file' && step.role === 'unit') && found.hasSystemd) {
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
  if (purge) deleteAll(places)
  return { kind: 'done' }
}

/**
 * Deletes the policy and all state of this machine. Throws FileError if the directories could
 * belong to another user.
 */
function deleteAll({ policy, state }: SetupPlaces): void {
  if (existsSync(policy)) {
    assertOwnedDirectory(dirname(protectedPath(policy)))
    rmSync(policy)
    rmSync(join(dirname(policy), SECRETS), { recursive: true, force: true })
    for (const name of ['attestations', dirname(SECRETS), '.']) removeEmpty(join(dirname(policy), name))
  }
  if (!existsSync(state)) return
  protectedPath(state)
  assertOwnedDirectory(state)
  rmSync(state, { recursive: true, force: true })
}

/** Removes a directory if it is empty; otherwise somebody else uses it. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
    syncDirectory(dirname(directory))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error
  }
}
