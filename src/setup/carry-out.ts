import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncDirectory, writeDurably } from '../files/durable-file.ts'
import { placeDoorkeepers, removeDoorkeepers } from './doorkeepers.ts'
import { makeDirectory, placeState } from './file-state.ts'
import { recordFile, type SetupPlaces } from './places.ts'
import { printRecord, type SetupRecord } from './record.ts'
import type { Step } from './step.ts'

/**
 * Carries steps out in order; returns a sentence if one fails. The steps after it are then skipped,
 * except after a daemon or a user's unit that does not start: no other step depends on that.
 */
export async function carryOut(places: SetupPlaces, steps: readonly Step[]): Promise<string | undefined> {
  let found: string | undefined
  for (const step of steps) {
    const problem = await take(step, places)
    if (problem !== undefined && step.kind !== 'restart-daemon' && step.kind !== 'resume') return problem
    found ??= problem
  }
  return found
}

async function take(step: Step, places: SetupPlaces): Promise<string | undefined> {
  if (step.kind === 'file') {
    placeState(step.path, step.after)
    if (step.role === 'policy') {
      makeDirectory(join(dirname(places.policy), 'attestations'))
    }
    return undefined
  }
  if (step.kind === 'doorkeepers') {
    if (step.programs === undefined) removeDoorkeepers(step.directory)
    else placeDoorkeepers(step.directory, step.programs)
    return undefined
  }
  const { restartDaemon, resumeUnit, startGate, stopGate } = await import('./systemd.ts')
  switch (step.kind) {
    case 'start-gate':
      return startGate(step.socket)
    case 'stop-gate':
      return stopGate(step.units)
    case 'resume':
      return resumeUnit(step.unit, step.was)
    case 'restart-daemon':
      return restartDaemon()
  }
}

/**
 * Writes the record, readable by root only; undefined removes it, when nothing is left to restore.
 */
export function writeRecord(places: SetupPlaces, record: SetupRecord | undefined): void {
  const file = recordFile(places)
  if (record !== undefined) {
    writeDurably(file, printRecord(record), { flush: true, mode: 0o600 })
  } else {
    rmSync(file, { force: true })
    syncDirectory(dirname(file))
  }
}
