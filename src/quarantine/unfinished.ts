/**
 * Whether a removal from the store was begun and not finished. Loads quickly, because every hook
 * asks.
 */
import { lstatSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAnyLeaving } from './leaving.ts'

/** How long nobody retries what could not be finished; milliseconds. */
const REST = 10_000

/**
 * Whether anything unfinished was left that can be tried now. Costs one listing of the unfinished
 * entries and a look at one file.
 */
export function hasUnfinished(state: string): boolean {
  return (isAnyMarked(state) || isAnyLeaving(state)) && !isResting(state)
}

/** Notes that it could not be finished, so that other builds do not pay for it again and again. */
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
  // Checked first: creating an error takes longer than everything else that a hook does.
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return false
  return readdirSync(directory).length > 0
}
