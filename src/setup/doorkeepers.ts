/**
 * The doorkeepers: what nix.conf names of nixsig, in a directory of its own beside nix.conf. They
 * stay when nixsig's programs are deleted, and call what the link `program` leads to. If that is
 * gone they say what to do (nix/plugin/gone.h).
 *
 *     /etc/nix/nixsig/hook              one program, under three names
 *     /etc/nix/nixsig/pre-build-hook    -> hook; post-build-hook and build-hook likewise
 *     /etc/nix/nixsig/nixsig-door.so    the plugin
 *     /etc/nix/nixsig/program           -> the directory of nixsig's programs
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { syncDirectory, writeDurably } from '../files/durable-file.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { partialName } from '../files/partial-name.ts'

/** Where they lie on a machine. */
export const DOORKEEPERS = '/etc/nix/nixsig'

const HOOK = 'hook'
const PLUGIN = 'nixsig-door.so'
const PROGRAM = 'program'
const FILES = [HOOK, PLUGIN] as const
const HOOKS = ['pre-build-hook', 'post-build-hook', 'build-hook'] as const

/** The part of nixsig that a doorkeeper stands for. */
export type KeptPart = (typeof HOOKS)[number] | 'plugin'

/** Below the directory of nixsig's programs. */
const SOURCE = 'native/door'

/** Whether an installation has doorkeepers; one that was built without a C compiler has none. */
export function hasDoorkeepers(programs: string): boolean {
  return FILES.every(name => existsSync(join(programs, SOURCE, name)))
}

/** The paths that nix.conf names. */
export function doorkeeperOf(directory: string, part: KeptPart): string {
  return join(directory, part === 'plugin' ? PLUGIN : part)
}

/** Where the doorkeepers' link leads, as it is written; undefined if it is absent. */
export function programsOf(directory: string): string | undefined {
  return linkOf(join(directory, PROGRAM))
}

/** Whether the doorkeepers are those of these programs, and call them. */
export function areInPlace(directory: string, programs: string): boolean {
  if (programsOf(directory) !== programs) return false
  const isSame = FILES.every(name => isCopy(join(directory, name), join(programs, SOURCE, name)))
  return isSame && HOOKS.every(name => linkOf(join(directory, name)) === HOOK)
}

/**
 * The part that a file which nix.conf names stands for, if it is a doorkeeper; with the directory
 * of the programs that it calls, which may be missing.
 */
export function doorkeeperAt(
  file: string,
): { readonly part: KeptPart; readonly directory: string; readonly programs: string } | undefined {
  const directory = dirname(file)
  const part = ([...HOOKS, 'plugin'] as const).find(name => doorkeeperOf(directory, name) === file)
  const programs = programsOf(directory)
  return part === undefined || programs === undefined ? undefined : { part, directory, programs }
}

/** Whether a doorkeeper is a copy of the one in an installation that is called by it. */
export function isDoorkeeperOf(file: string, installation: string): boolean {
  const found = doorkeeperAt(file)
  if (found === undefined) return false
  const name = found.part === 'plugin' ? PLUGIN : HOOK
  return (
    realOf(found.programs) === realOf(installation) &&
    isCopy(join(found.directory, name), join(installation, SOURCE, name))
  )
}

/**
 * Puts the doorkeepers of some programs in place. Each file is replaced by one rename, so that Nix
 * finds the old one or the new one. Throws FileError if the directory could be another user's, and
 * the system's errors.
 */
export function placeDoorkeepers(directory: string, programs: string): void {
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o755)
  protectedPath(directory)
  assertOwnedDirectory(directory)
  for (const name of FILES) {
    const [file, source] = [join(directory, name), join(programs, SOURCE, name)]
    if (!isCopy(file, source)) writeDurably(file, readFileSync(source), { flush: true, mode: 0o755 })
    chmodSync(file, 0o755)
  }
  for (const name of HOOKS) placeLink(join(directory, name), HOOK)
  placeLink(join(directory, PROGRAM), programs)
}

/** Removes them, with what a killed run left there. */
export function removeDoorkeepers(directory: string): void {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return
  const ours: readonly string[] = [...FILES, ...HOOKS, PROGRAM]
  for (const name of readdirSync(directory))
    if (ours.some(own => name === own || (name.startsWith(`${own}.`) && name.endsWith('~'))))
      rmSync(join(directory, name), { force: true })
  if (readdirSync(directory).length === 0) rmdirSync(directory)
  syncDirectory(dirname(directory))
}

/** Makes a symbolic link, or has it lead elsewhere, by one rename. */
export function placeLink(file: string, target: string): void {
  if (linkOf(file) === target) return
  const partial = partialName(file)
  symlinkSync(target, partial)
  renameSync(partial, file)
  syncDirectory(dirname(file))
}

/** Where a symbolic link leads, as it is written; undefined for anything else. */
export function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path)
  } catch {
    return undefined
  }
}

function isCopy(file: string, source: string): boolean {
  try {
    const status = lstatSync(file)
    return (
      status.isFile() && (status.mode & 0o7777) === 0o755 && readFileSync(file).equals(readFileSync(source))
    )
  } catch {
    return false
  }
}
