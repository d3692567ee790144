import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { forgetPresent, readPresent } from '../ledger/present.ts'
import { someNames } from '../ledger/some-names.ts'
import { lockedOutputs } from './locked-outputs.ts'

/** A build that holds no lock counts as over after this long; milliseconds. */
const OVER = 60_000

/** Removes presence notes of outputs whose builds are over. Looks at no more than `count` notes. */
export function forgetOldPresents(state: string, count: number): void {
  const directory = join(state, 'present')
  let isLocked: ((path: string) => boolean) | undefined
  for (const digest of someNames(directory, count)) {
    const status = lstatSync(join(directory, digest), { throwIfNoEntry: false })
    // A time in the future counts as long past: the clock has been set back since.
    if (status === undefined || Math.abs(Date.now() - status.mtimeMs) < OVER) continue
    isLocked ??= lockedOutputs()
    const path = pathOf(state, digest)
    if (path === undefined || !isLocked(path)) forgetPresent(state, digest)
  }
}

/**
 * The path that a note is about; undefined if the note cannot be read, and then it says nothing.
 */
function pathOf(state: string, digest: string): string | undefined {
  try {
    return readPresent(state, digest)?.path
  } catch {
    return undefined
  }
}
