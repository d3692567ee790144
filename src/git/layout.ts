/**
 * Finds the parts of a local repository (gitrepository-layout(5)) without running git: the
 * configuration of a repository can make git run any program.
 */
import { lstatSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ArgumentError, FileError, readRegularFile } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

const POINTER_LIMIT = 4096

/** The directories of a repository, shared by all its work trees, and the one that has its HEAD. */
export interface Layout {
  readonly directory: string
  readonly objects: string
  /** Of a linked work tree, its own directory. */
  readonly headDirectory: string
}

/**
 * The layout of a bare repository, or of the repository of a work tree, main or
 * linked. Throws FileError for any other directory, including a subdirectory of a work tree.
 */
export function layoutOf(place: string): Layout {
  const headDirectory = gitDirectory(resolve(place))
  const directory = commonDirectory(headDirectory)
  const objects = join(directory, 'objects')
  if (isDirectory(objects) && isDirectory(join(directory, 'refs'))) {
    return { directory, objects, headDirectory }
  }
  throw new ArgumentError(`${printable(place)} is not a git repository, bare or the top of a work tree`)
}

/** The top of the work tree around a directory. */
export function topOf(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    if (lstatSync(join(at, '.git'), { throwIfNoEntry: false }) !== undefined) return at
    if (at === dirname(at)) return undefined
  }
}

/** Whether a place is a repository, as layoutOf takes it. Throws FileError for a broken one. */
export function isRepository(place: string): boolean {
  try {
    layoutOf(place)
    return true
  } catch (error) {
    if (error instanceof ArgumentError) return false
    throw error
  }
}

function gitDirectory(place: string): string {
  const git = join(place, '.git')
  const status = lstatSync(git, { throwIfNoEntry: false })
  if (status === undefined) return place
  if (!status.isFile()) return git
  return resolve(place, pointerIn(git, 'gitdir: '))
}

function commonDirectory(directory: string): string {
  const file = join(directory, 'commondir')
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return directory
  return resolve(directory, pointerIn(file, ''))
}

/** The one line of a file that points to another place, without `prefix`. Throws FileError. */
function pointerIn(file: string, prefix: string): string {
  const text = readRegularFile(file, POINTER_LIMIT)?.toString('utf8') ?? ''
  const line = text.replace(/\r?\n$/, '')
  if (line.startsWith(prefix) && line.length > prefix.length && !/[\n\0]/.test(line)) {
    return line.slice(prefix.length)
  }
  throw new FileError(`${printable(file)} does not say where the repository is`)
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
