/** Installs a version beside the others, switches to it, and has everything that runs use it. */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withLock } from '../files/lock.ts'
import { protectedPath } from '../files/owned-file.ts'
import { PROGRAM_DIRECTORIES } from '../files/programs.ts'
import { FileError } from '../files/regular-file.ts'
import { inOneLine } from '../primitives/printable.ts'
import { linkOf, placeLink } from '../setup/doorkeepers.ts'
import { assertOwnedTree, inspectInstallation } from '../setup/installation.ts'
import { lookAtFiles } from '../setup/look.ts'
import type { SetupPlaces } from '../setup/places.ts'
import { lostPlugin } from '../setup/upgraded.ts'
import { compareVersions } from '../setup/version-order.ts'
import { CURRENT, versionIn } from '../setup/versions.ts'
import { type Signers, unpackArchive } from './archive.ts'
import {
  addVersion,
  lastIn,
  openHome,
  partialOf,
  previousIn,
  switchTo,
  tidyUp,
  type Version,
} from './versions-home.ts'

/** What to install: unpacked programs, which have to be root's, or a signed archive. */
export type Source = { readonly directory: string } | { readonly archive: string; readonly signers: Signers }

/** What to switch to, and from where. */
export interface Wish {
  /** The directory of the versions. */
  readonly home: string
  readonly places: SetupPlaces
  readonly source: Source | 'previous'
  /** Whether a version may be older than the one in force. */
  readonly older: 'taken' | 'refused'
}

/** A switch that was made, or was not needed. */
export interface Switched {
  readonly version: Version
  readonly before: Version | undefined
  /** What is known of the archive's signature; undefined if there was none to check. */
  readonly signature: string | undefined
}

/** Milliseconds for a version to say which it is. */
const PATIENCE = 30_000

/**
 * Switches to a version. A crash at any point leaves the old version or the new one in force,
 * whole. Throws FileError, with the old version in force, if the new one cannot be trusted or does
 * not run.
 */
export async function switchVersion({ home, places, source, older }: Wish): Promise<Switched> {
  // Where a system's configuration makes nix.conf, that installs nixsig as well: this throws.
  const { record } = lookAtFiles(places)
  openHome(home)
  return withLock(join(home, '.lock'), async () => {
    const before = lastIn(home) ?? takenOver(home, record?.directory)
    const there = readdirSync(home)
    const { version, signature } = await versionOf(home, source)
    try {
      assertRuns(version)
      const installation = inspectInstallation(version.directory)
      const lost = lostPlugin({ ...lookAtFiles(places), installation }, [])
      if (lost.length > 0) throw new FileError(lost.join('; '))
      if (older === 'refused' && source !== 'previous') assertNotOlder(version, before)
    } catch (error) {
      // Nor may a rollback ever come to what was refused.
      if (!there.includes(version.name)) rmSync(version.directory, { recursive: true, force: true })
      throw error
    }
    switchTo(home, version, before)
    tidyUp(home)
    return { version, before, signature }
  })
}

/**
 * Programs that were put into a directory by hand and set this machine up, as a version to go back
 * to; undefined if they are gone or cannot be one.
 */
function takenOver(home: string, directory: string | undefined): Version | undefined {
  if (directory === undefined || dirname(directory) === home || versionIn(directory) === undefined)
    return undefined
  try {
    assertOwnedTree(directory)
    return addVersion(home, directory)
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

async function versionOf(
  home: string,
  source: Wish['source'],
): Promise<{ readonly version: Version; readonly signature: string | undefined }> {
  if (source === 'previous') {
    const version = previousIn(home)
    if (version === undefined)
      throw new FileError(
        `there is no version before this one in ${home}; next: nixsig upgrade --older ARCHIVE, with the archive of the version that you want`,
      )
    return { version, signature: undefined }
  }
  if ('directory' in source) {
    // Nor may anybody put another directory in its place.
    protectedPath(join(source.directory, 'nixsig'))
    assertOwnedTree(source.directory)
    return { version: addVersion(home, source.directory), signature: undefined }
  }
  const into = partialOf(home, 'archive')
  rmSync(into, { recursive: true, force: true })
  try {
    const { programs, words } = await unpackArchive(source.archive, source.signers, into)
    return { version: addVersion(home, programs), signature: words }
  } finally {
    rmSync(into, { recursive: true, force: true })
  }
}

/** Throws FileError unless a version's programs are whole and start on this machine. */
function assertRuns({ name, directory }: Version): void {
  inspectInstallation(directory)
  const env = { PATH: PROGRAM_DIRECTORIES.join(':') }
  const options = { env, timeout: PATIENCE, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(join(directory, 'nixsig'), ['--version'], options)
  if (status === 0 && stdout.trimEnd() === versionIn(directory)) return
  const why = inOneLine(stderr ?? '', 300) || `status ${status}`
  throw new FileError(
    `nixsig ${name} does not run here, and was not switched to: ${why}; next: get a version that was built for this machine (node --version; uname -m)`,
  )
}

/** Whoever has an old archive that was once signed must not be able to bring its faults back. */
function assertNotOlder(version: Version, before: Version | undefined): void {
  const [now, was] = [version, before].map(one => (one && versionIn(one.directory)) ?? '')
  if (now === undefined || was === undefined || was === '' || compareVersions(now, was) >= 0) return
  throw new FileError(
    `${now} is older than ${was}, which is in force: nixsig upgrade --rollback goes back to the one before, --older takes any`,
  )
}

/** Links by which people reach the version in force. */
const LINKS = [
  ['bin/nixsig', 'nixsig'],
  ['share/bash-completion/completions/nixsig', 'completions/nixsig'],
  ['share/zsh/site-functions/_nixsig', 'completions/_nixsig'],
] as const

/**
 * Makes links to the program, its manual pages and completions of the version in force below
 * `/usr/local`. Returns those names that others have, which are left alone.
 */
export function linkPrograms(home: string, prefix = '/usr/local'): readonly string[] {
  const current = join(home, CURRENT)
  const pages = existsSync(join(current, 'man')) ? readdirSync(join(current, 'man')) : []
  const links = [...LINKS, ...pages.map(page => [`share/man/man1/${page}`, `man/${page}`] as const)]
  return links.flatMap(([name, target]) => {
    const [link, file] = [join(prefix, name), join(current, target)]
    if (!existsSync(file)) return []
    const isOthers = lstatSync(link, { throwIfNoEntry: false }) !== undefined && !isOurs(link)
    if (isOthers) return [link]
    mkdirSync(dirname(link), { recursive: true, mode: 0o755 })
    placeLink(link, file)
    return []
  })
}

/** A link to a program or page of nixsig, wherever that lies. */
function isOurs(link: string): boolean {
  return /\/nixsig[^/]*\/(?:.*\/)?_?nixsig[^/]*$/.test(linkOf(link) ?? '')
}
