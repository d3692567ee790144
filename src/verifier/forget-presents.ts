import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { forgetPresent, readPresent } from '../ledger/present.ts'
import { someNames } from '../ledger/some-names.ts'
import { lockedOutputs } from './locked-outputs.ts'

/** Milliseconds after which a build that holds no lock is over. */
const OVER = 60_000

/** Forgets some of what was noted of outputs that were there before builds that are over now; looks at so many. */
export function forgetOldPresents(state: string, count: number): void {
  const directory = join(state, 'present')
  let isLocked: ((path: string) => boolean) | undefined
  for (const digest of someNames(directory, count)) {
    const status = lstatSync(join(directory, digest), { throwIfNoEntry: false })
    // A time that is yet to come is long past: the clock has been set back since.
    if (status === undefined || Math.abs(Date.now() - status.mtimeMs) < OVER) continue
    isLocked ??= lockedOutputs()
    const path = pathOf(state, digest)
    if (path === undefined || !isLocked(path)) forgetPresent(state, digest)
  }
}

/** The path that a file is about; undefined where it cannot be read, and says nothing then. */
function pathOf(state: string, digest: string): string | undefined {
  try {
    return readPresent(state, digest)?.path
  } catch {
    return undefined
  }
}
