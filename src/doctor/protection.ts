/** Checks which users could have written files on disk. */
import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { protectedPath } from '../files/owned-file.ts'
import { printable } from '../primitives/printable.ts'

/**
 * Why a user other than root could have written this file or replaced it; safe to print. Undefined
 * if none could.
 */
export function protectionProblem(file: string): string | undefined {
  try {
    const real = protectedPath(file)
    return ownProblem(real, lstatSync(real))
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Why a user other than root could have written this file or directory itself, ignoring its
 * parents. A sticky directory that anyone can write to, such as `/tmp`, is a problem too.
 */
export function ownProblem(path: string, { uid, mode }: Pick<Stats, 'uid' | 'mode'>): string | undefined {
  if (uid !== 0) return `${printable(path)} belongs to user ${uid}`
  return (mode & 0o022) === 0 ? undefined : `${printable(path)} is writable by others`
}

/** The result of inspecting a directory tree. */
export interface Tree {
  /** What is wrong; safe to print, and limited to what is worth reporting. */
  readonly problems: readonly string[]
  /** The newest modification time of a file in it, in seconds since 1970. */
  readonly newest: number
}

const PROBLEM_LIMIT = 1000
/** Milliseconds. */
const PATIENCE = 5000

/**
 * Inspects a directory and everything in it except what `skip` selects. Symbolic links are not
 * followed, but their targets have to be protected too. Throws Error if that takes too long or
 * something cannot be read.
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
