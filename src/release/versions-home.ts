/** The directory with the versions side by side (src/setup/versions.ts): adds one, switches, tidies up. */
import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { placeLink } from '../setup/doorkeepers.ts'
import { CURRENT, isVersionName, PREVIOUS, versionIn } from '../setup/versions.ts'
import { copyTree, treeDigest } from './tree.ts'

/** What a version is called, and where it lies: an absolute path without links. */
export interface Version {
  readonly name: string
  readonly directory: string
}

/** Makes the directory if it is missing. Throws FileError if it could be another user's. */
export function openHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o755 })
  protectedPath(home)
  assertOwnedDirectory(home)
}

/** The version in force; undefined if there is none. */
export function currentIn(home: string): Version | undefined {
  return versionAt(home, CURRENT)
}

/** The version before it, which a rollback goes back to; undefined if there is none. */
export function previousIn(home: string): Version | undefined {
  const previous = versionAt(home, PREVIOUS)
  return previous?.name === currentIn(home)?.name ? undefined : previous
}

function versionAt(home: string, link: string): Version | undefined {
  try {
    const directory = realpathSync.native(join(home, link))
    const isOne = dirname(directory) === realpathSync.native(home) && isVersionName(basename(directory))
    return isOne ? { name: basename(directory), directory } : undefined
  } catch {
    return undefined
  }
}

/**
 * Adds the programs in a directory as a version, which nothing uses yet. It gets its name by one
 * rename when all of it is on the disk. One that is there already is checked and left. Throws
 * FileError if the programs do not say their version, or if the one that is there was changed.
 */
export function addVersion(home: string, programs: string): Version {
  const number = versionIn(programs)
  if (number === undefined) throw new FileError(`${programs} does not say which version of nixsig it is`)
  const name = `${number}-${treeDigest(programs)}`
  const directory = join(realpathSync.native(home), name)
  if (existsSync(directory)) {
    if (`${number}-${treeDigest(directory)}` !== name)
      throw new FileError(`${directory} was changed since it was installed: delete it, and try again`)
    return { name, directory }
  }
  const partial = partialOf(home, name)
  rmSync(partial, { recursive: true, force: true })
  copyTree(programs, partial)
  renameSync(partial, directory)
  syncDirectory(home)
  return { name, directory }
}

/** A directory that an interrupted run may leave; the next one removes it. */
export function partialOf(home: string, name: string): string {
  return join(home, `.${name}.${process.pid}~`)
}

/**
 * Switches to a version by one rename: whoever follows `current` gets the old version or the new
 * one. The one that was in force before becomes `previous`.
 */
export function switchTo(home: string, { name }: Version, before: Version | undefined): void {
  if (before !== undefined && before.name !== name) placeLink(join(home, PREVIOUS), before.name)
  placeLink(join(home, CURRENT), name)
}

/** Removes the versions that are neither in force nor the one before, and what killed runs left. */
export function tidyUp(home: string): void {
  const kept = [currentIn(home)?.name, versionAt(home, PREVIOUS)?.name]
  for (const name of readdirSync(home)) {
    const isOld = isVersionName(name) && !kept.includes(name)
    const isPartial =
      name.endsWith('~') && lstatSync(join(home, name), { throwIfNoEntry: false }) !== undefined
    if (isOld || isPartial) rmSync(join(home, name), { recursive: true, force: true })
  }
}
