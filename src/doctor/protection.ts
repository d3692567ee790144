/** Who could have written what lies on the disk. */
import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { protectedPath } from '../files/owned-file.ts'
import { printable } from '../primitives/printable.ts'

/** Why somebody but root could have written this file, or put another in its place, in words that are safe to print. */
export function protectionProblem(file: string): string | undefined {
  try {
    const real = protectedPath(file)
    return ownProblem(real, lstatSync(real))
  } catch (error) {
    return (error as Error).message
  }
}

/** The same of a single file or directory, whatever is above it. A directory that only adds files, as `/tmp`, is none. */
export function ownProblem(path: string, { uid, mode }: Pick<Stats, 'uid' | 'mode'>): string | undefined {
  if (uid !== 0) return `${printable(path)} belongs to user ${uid}`
  return (mode & 0o022) === 0 ? undefined : `${printable(path)} is writable by others`
}

export interface Tree {
  /** What is wrong with it, safe to print; not more than is worth telling. */
  readonly problems: readonly string[]
  /** The newest modification of a file in it, in seconds since 1970. */
  readonly newest: number
}

const PROBLEM_LIMIT = 1000
/** Milliseconds. */
const PATIENCE = 5000

/**
 * Looks at a directory and everything in it but what `skip` says; symbolic links are not followed, but where they lead
 * has to be protected as well. Throws Error if that takes too long or something cannot be looked at.
 */
export function lookAtTree(directory: string, skip: (path: string) => boolean = () => false): Tree {
  const late = performance.now() + PATIENCE
  const problems: string[] = []
  let newest = 0
  const root = realpathSync.native(directory)
  const above = protectionProblem(join(root, '.'))
  if (above !== undefined) problems.push(above)
  for (const waiting = [root]; ; ) {
    const path = waiting.pop()
    if (path === undefined) return { problems, newest }
    if (performance.now() > late)
      throw new Error(`${printable(directory)} has more files than can be looked at in time`)
    const status = lstatSync(path, { throwIfNoEntry: false })
    if (status === undefined || skip(path)) continue
    const problem = status.isSymbolicLink() ? protectionProblem(path) : ownProblem(path, status)
    if (problem !== undefined && problems.length < PROBLEM_LIMIT) problems.push(problem)
    if (status.isFile()) newest = Math.max(newest, Math.floor(status.mtimeMs / 1000))
    if (status.isDirectory()) waiting.push(...readdirSync(path).map(name => join(path, name)))
  }
}
