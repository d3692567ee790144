/** Whether taking something out of the store was begun and not finished. Light: every hook asks. */
import { lstatSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAnyLeaving } from './leaving.ts'

/** Milliseconds for which nobody tries again what could not be finished. */
const REST = 10_000

/**
 * Whether anything was left that can be tried now. Costs one listing of what is being taken out at this moment, and a look
 * at one file.
 */
export function hasUnfinished(state: string): boolean {
  return (isAnyMarked(state) || isAnyLeaving(state)) && !isResting(state)
}

/** Notes that it could not be finished: whoever builds something else must not pay for that, again and again. */
export function rest(state: string): void {
  const file = restFile(state)
  try {
    writeFileSync(file, '', { mode: 0o600 })
    utimesSync(file, new Date(), new Date())
  } catch {
    return
  }
}

function isResting(state: string): boolean {
  const status = lstatSync(restFile(state), { throwIfNoEntry: false })
  const age = status === undefined ? REST : Date.now() - status.mtimeMs
  return age >= 0 && age < REST
}

function restFile(state: string): string {
  return join(state, 'quarantine', 'failed')
}

function isAnyMarked(state: string): boolean {
  const directory = join(state, 'quarantine', 'unfinished')
  // Looked for first: to make an error takes longer than all else that a hook does.
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return false
  return readdirSync(directory).length > 0
}
