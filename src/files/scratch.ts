/**
 * Private directories for the time of one piece of work. They are removed as well when a signal
 * ends the process; what a killed one left is removed a day later.
 */
import { lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepAfterSignal, removeAfterSignal } from './end-by-signal.ts'
import { readableNamesIn } from './names-in.ts'
import { isSafeToMakeIn } from './owned-file.ts'

/** What they are for, as their names say. */
const KINDS = [
  'approve',
  'draft',
  'envelope',
  'evaluator',
  'explain',
  'git',
  'handoff',
  'history',
  'index',
  'list',
  'mirror',
  'openpgp',
  'pipe',
  'revision',
  'signer',
  'store',
  'uncompressed',
  'view',
] as const
const NAME = new RegExp(`^nixsig-(?:${KINDS.join('|')})-[A-Za-z0-9]{6}$`)

const DAY_MS = 24 * 60 * 60_000

const swept = new Set<string>()

/**
 * Makes a directory that nobody else can read. Remove it with `removeScratch`. `parent`: where; the
 * programs that verify signatures need short paths, so that theirs lie in /tmp. By default, what
 * TMPDIR says, unless others could put something else in the place of what is made there.
 */
export function makeScratch(kind: (typeof KINDS)[number], parent = safeParent()): string {
  if (!swept.has(parent)) sweep(parent, Date.now() - DAY_MS)
  swept.add(parent)
  const directory = mkdtempSync(join(parent, `nixsig-${kind}-`))
  removeAfterSignal(directory)
  return directory
}

/** TMPDIR may be a directory of whoever became root. */
function safeParent(): string {
  const parent = tmpdir()
  return isSafeToMakeIn(parent) ? parent : '/tmp'
}

/** Removes a directory that `makeScratch` made, with all that is in it. */
export function removeScratch(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
  keepAfterSignal(directory)
}

/**
 * Removes the caller's own scratch directories that were last changed before a time (in
 * milliseconds). What cannot be removed stays.
 */
export function sweep(parent: string, before: number): void {
  for (const name of readableNamesIn(parent).filter(each => NAME.test(each))) {
    const directory = join(parent, name)
    try {
      const status = lstatSync(directory)
      const isOwn = status.isDirectory() && status.uid === process.geteuid?.()
      if (isOwn && status.mtimeMs < before) rmSync(directory, { recursive: true, force: true })
    } catch {
      // Somebody else removes it.
    }
  }
}
