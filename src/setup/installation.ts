import { accessSync, constants, existsSync, lstatSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assertOwnedDirectory, protectedPath, readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { areInPlace, doorkeeperOf, hasDoorkeepers } from './doorkeepers.ts'
import { lastingPath, versionIn } from './versions.ts'

/** The fronts: the parts of nixsig that judge before something is built or becomes valid. */
export const FRONTS = ['hooks', 'build-hook', 'plugin', 'gate'] as const
export type Front = (typeof FRONTS)[number]

/** The paths of nixsig's programs, as nix.conf and units name them. */
export interface Installation {
  /** Absolute, without symbolic links. */
  readonly directory: string
  /** Undefined if the installation does not say. */
  readonly version?: string | undefined
  /**
   * What nix.conf names in place of the programs themselves; undefined if this installation has
   * none.
   */
  readonly doorkeepers?: Doorkeepers | undefined
  readonly program: string
  readonly preBuildHook: string
  readonly postBuildHook: string
  /** Undefined if this installation has none. */
  readonly buildHook: string | undefined
  readonly plugin: string | undefined
}

/** The doorkeepers of an installation (doorkeepers.ts). */
export interface Doorkeepers {
  readonly directory: string
  /** Where their link has to lead. */
  readonly programs: string
  readonly areInPlace: boolean
}

/** Paths that can be configured: neither nix.conf nor a unit can hold white space, `#` or `%`. */
const PLAIN_PATH = /^(?:\/[0-9A-Za-z._+@=-]+)+$/

/** The command line has about a thousand files, one for each part that it loads by itself. */
export const INSTALLED_LIMIT = 10_000
const HOOK_LIMIT = 16 * 1024 * 1024
/** Where the hooks look for node; the same list as in tools/build.mjs. */
const NODE_DIRECTORIES = ['/run/current-system/sw/bin', '/usr/local/bin', '/usr/bin', '/bin']

/**
 * Inspects the installation in a directory. Nix will run its files as root: throws FileError, with
 * advice, if other users could have written them, if a file is missing, or if the directory may
 * disappear. `doorkeepers`: the directory in which these lie, or will.
 */
export function inspectInstallation(directory: string, doorkeepers?: string): Installation {
  if (!PLAIN_PATH.test(directory)) {
    throw new FileError(
      `nix.conf cannot name ${printable(directory)}: install nixsig in a directory such as /opt/nixsig`,
    )
  }
  if (directory.startsWith('/nix/store/')) {
    throw new FileError(
      `${directory} is in the store, where a garbage collection can take it: copy it to /opt/nixsig and run it there`,
    )
  }
  try {
    protectedPath(directory)
    assertOwnedTree(directory)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new FileError(
      `Nix would run the programs in ${directory} as root, and others could change it: ${error.message}. Make all of it root's, or copy it as root to /opt/nixsig and run /opt/nixsig/nixsig setup`,
    )
  }
  assertReachable(directory)
  const thin = existsSync(join(directory, 'native/pre-build-hook')) ? 'native/' : ''
  const find = (name: string) => (existsSync(join(directory, name)) ? executable(directory, name) : undefined)
  assertStarts(join(directory, 'pre-build-hook'))
  const programs = lastingPath(directory)
  const inspected = {
    directory,
    version: versionIn(directory),
    program: executable(directory, 'nixsig'),
    preBuildHook: executable(directory, `${thin}pre-build-hook`),
    postBuildHook: executable(directory, `${thin}post-build-hook`),
    buildHook: find('build-hook'),
    plugin: find('native/nixsig-plugin.so'),
  }
  if (doorkeepers === undefined || !hasDoorkeepers(directory)) return inspected
  return {
    ...inspected,
    program: join(programs, 'nixsig'),
    preBuildHook: doorkeeperOf(doorkeepers, 'pre-build-hook'),
    postBuildHook: doorkeeperOf(doorkeepers, 'post-build-hook'),
    buildHook: inspected.buildHook && doorkeeperOf(doorkeepers, 'build-hook'),
    plugin: inspected.plugin && doorkeeperOf(doorkeepers, 'plugin'),
    doorkeepers: { directory: doorkeepers, programs, areInPlace: areInPlace(doorkeepers, programs) },
  }
}

/**
 * Throws FileError unless every user can enter a directory, those above it, and the one with the
 * plugin: the Nix of each of them loads it.
 */
function assertReachable(directory: string): void {
  const native = join(directory, 'native')
  for (let dir = existsSync(native) ? native : directory; ; dir = dirname(dir)) {
    if ((lstatSync(dir).mode & 0o001) === 0) {
      throw new FileError(
        `other users cannot enter ${dir}, and their Nix could not load what is in ${directory}; next: ${directory}/nixsig install, which puts it into /opt/nixsig-versions, then nixsig setup`,
      )
    }
    if (dir === dirname(dir)) return
  }
}

function executable(directory: string, name: string): string {
  const file = join(directory, name)
  try {
    accessSync(file, name.endsWith('.so') ? constants.R_OK : constants.X_OK)
    return file
  } catch {
    throw new FileError(
      `${file} is not there or cannot be run: install all of dist/, and run setup from there`,
    )
  }
}

/**
 * Throws FileError unless a directory and everything in it belongs to root and no link in it leads
 * elsewhere.
 */
export function assertOwnedTree(directory: string): void {
  assertOwnedDirectory(directory)
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  if (names.length > INSTALLED_LIMIT) {
    throw new FileError(`${directory} has more than ${INSTALLED_LIMIT} files; nixsig has its own directory`)
  }
  for (const name of names) {
    const file = join(directory, name)
    const status = lstatSync(file)
    if (status.isDirectory()) assertOwnedDirectory(file)
    else if (!status.isFile()) throw new FileError(`${printable(file)} is not a regular file`)
    else if (status.uid !== 0 && status.uid !== process.geteuid?.())
      throw new FileError(`${printable(file)} belongs to user ${status.uid} (chown -R root: ${directory})`)
    else if ((status.mode & 0o022) !== 0)
      throw new FileError(`${printable(file)} is writable by others (chmod -R go-w ${directory})`)
  }
}

/**
 * Throws FileError if the interpreter in a hook's first line is not found where Nix would look for
 * it.
 */
function assertStarts(hook: string): void {
  const text = readOwnedFile(hook, HOOK_LIMIT)?.toString('latin1')
  if (text === undefined) throw new FileError(`${hook} is not there: install all of dist/`)
  const words = text.slice(0, text.indexOf('\n')).split(' ')
  const node = words.at(-1) ?? ''
  if (node === 'node') {
    if (NODE_DIRECTORIES.some(directory => existsSync(join(directory, node)))) return
    throw new FileError(
      `the hooks look for node in ${NODE_DIRECTORIES.join(', ')}, and it is not in any of them: put a link there, or build with --node`,
    )
  }
  protectedPath(node.replace(/^#!/, ''))
}
