/**
 * The directory with the versions side by side (src/setup/versions.ts): adds one, switches, tidies
 * up.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { linkOf, placeLink } from '../setup/doorkeepers.ts'
import { compareVersions } from '../setup/version-order.ts'
import { CURRENT, isVersionName, PREVIOUS, versionIn } from '../setup/versions.ts'
import { copyTree, treeDigest } from './tree.ts'

/** During a switch: what `previous` will be. */
const BEFORE = '.before'

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

/** The version in force; undefined if no link leads to one. */
export function currentIn(home: string): Version | undefined {
  return versionAt(home, CURRENT)
}

/**
 * The version that was in force last: the one in force or, where somebody deleted the link to it,
 * the newest whole one. That one may be the one before it only if it is the only one.
 */
export function lastIn(home: string): Version | undefined {
  const before = versionAt(home, PREVIOUS)?.name
  const others = wholeIn(home).sort((a, b) => Number(a.name === before) - Number(b.name === before))
  return currentIn(home) ?? others[0]
}

/**
 * The version before the one in force, which a rollback goes back to; undefined without one.
 * Where the links name none that is there and another one, it is the newest whole version that is
 * not newer than the one in force, or else the newest one.
 */
export function previousIn(home: string): Version | undefined {
  const current = currentIn(home)
  const linked = [...(current === undefined ? [] : [BEFORE]), PREVIOUS]
    .map(link => versionAt(home, link))
    .find(one => one !== undefined && one.name !== current?.name)
  if (linked !== undefined) return linked
  // Only one version has ever been in force. What else lies there never was.
  if (current !== undefined && linkOf(join(home, PREVIOUS)) === undefined) return undefined
  const others = wholeIn(home).filter(one => one.name !== current?.name)
  const isNewer = (one: Version) => current !== undefined && compareByName(one, current) > 0
  return others.find(one => !isNewer(one)) ?? others[0]
}

/** The versions that are as they were installed, newest first. */
function wholeIn(home: string): Version[] {
  const real = realpathSync.native(home)
  return readdirSync(real)
    .filter(isVersionName)
    .map(name => ({ name, directory: join(real, name) }))
    .filter(({ name, directory }) => nameOf(directory) === name)
    .sort((a, b) => compareByName(b, a))
}

function compareByName(a: Version, b: Version): number {
  const [one, other] = [a, b].map(({ name }) => name.slice(0, name.lastIndexOf('-')))
  return compareVersions(one ?? '', other ?? '')
}

/** The name that the programs in a directory get; undefined if they cannot be a version. */
function nameOf(programs: string): string | undefined {
  try {
    const number = versionIn(programs)
    return number === undefined ? undefined : `${number}-${treeDigest(programs)}`
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
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
 * one. The one that was in force before becomes `previous`. Throws FileError.
 */
export function switchTo(home: string, version: Version, before: Version | undefined): void {
  for (const take of switchSteps(home, version, before)) take()
}

/**
 * The steps of a switch, each of which changes one link. After each, the version in force and the
 * one before it (previousIn) are those from before the switch, or those from after it. For that, a
 * third link says what `previous` will be, until it is.
 */
export function switchSteps(
  home: string,
  { name }: Version,
  before: Version | undefined,
): readonly (() => void)[] {
  const place = (link: string, target: string) => () => placeVersionLink(join(home, link), target)
  const [note, current] = [versionAt(home, BEFORE), currentIn(home)]
  const isUnfinished = note !== undefined && current !== undefined && note.name !== current.name
  const forget = () => rmSync(join(home, BEFORE), { force: true })
  const steps = isUnfinished ? [place(PREVIOUS, note.name), forget] : [forget]
  if (before === undefined || before.name === name) return [...steps, place(CURRENT, name)]
  return [...steps, place(BEFORE, before.name), place(CURRENT, name), place(PREVIOUS, before.name), forget]
}

function placeVersionLink(link: string, target: string): void {
  const status = lstatSync(link, { throwIfNoEntry: false })
  if (status?.isDirectory())
    throw new FileError(
      `${link} has to be a link to a version, and is a directory; next: mv ${link} ${link}.old, and call again`,
    )
  placeLink(link, target)
}

/**
 * Removes the versions that are neither in force nor the one before, and what killed runs left. No
 * version goes as long as none is in force.
 */
export function tidyUp(home: string): void {
  const current = currentIn(home)?.name
  const kept = [current, previousIn(home)?.name]
  for (const name of readdirSync(home)) {
    const isOld = current !== undefined && isVersionName(name) && !kept.includes(name)
    if (isOld || name.endsWith('~')) rmSync(join(home, name), { recursive: true, force: true })
  }
}
