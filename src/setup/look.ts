import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readSecretKeyFile } from '../crypto/secret-key.ts'
import { assertOwnedDirectory, readOwnedFile } from '../files/owned-file.ts'
import { findProgram } from '../files/programs.ts'
import { FileError, readRegularFile } from '../files/regular-file.ts'
import { printNixPublicKey } from '../formats/nix/nix-key.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { readPolicy } from '../verifier/policy-file.ts'
import { lookAtAfterBuild } from './after-build.ts'
import { readState } from './file-state.ts'
import type { Found, FoundFiles } from './found.ts'
import { withoutInclude } from './include-line.ts'
import { inspectInstallation } from './installation.ts'
import { lookAtSecrets, lookForCarried } from './look-carried.ts'
import { parseNixConf, type Setting } from './nix-conf.ts'
import { recordFile, type SetupPlaces } from './places.ts'
import { parseRecord, RECORD_LIMIT, type SetupRecord } from './record.ts'
import { withoutBuildHook } from './root-conf.ts'

const CONF_LIMIT = 1024 * 1024
/** The most levels of nested includes. */
const DEPTH_LIMIT = 16
const FILE_LIMIT = 100

/**
 * Reads the current state of the machine. Throws FileError, FormatError and PolicyError for what
 * has to be fixed first.
 */
export function look(places: SetupPlaces, directory: string): Found {
  const installation = inspectInstallation(directory, places.doorkeepers)
  const files = lookAtFiles(places)
  const hasPolicy = lstatSync(places.policy, { throwIfNoEntry: false }) !== undefined
  const settings = settingsIn(files.nixConf.path, places)
  const policy = hasPolicy ? readPolicy(places).policy : undefined
  const carried = lookForCarried(settings, policy, places)
  const { afterBuild, ...rest } = files
  return {
    ...rest,
    ...(afterBuild ? { afterBuild: lookAtAfterBuild(afterBuild.path, settings) } : {}),
    installation,
    settings,
    carried,
    secrets: policy === undefined ? lookAtSecrets(carried, places) : new Map(),
    later: places.later.flatMap(file => settingsIn(file, places)),
    policy,
    hasMachineKey: isThere(join(places.state, 'machine.secret')),
    gateKey: gateKeyIn(places),
  }
}

/**
 * The public key of the gate, derived from its secret key: the file with the public key is only
 * informational.
 */
function gateKeyIn({ state }: SetupPlaces): string | undefined {
  const file = join(state, 'gate.secret')
  return isThere(file) ? printNixPublicKey(readSecretKeyFile(file)) : undefined
}

/** Reads the files that setup changes. Throws FileError and FormatError. */
export function lookAtFiles(places: SetupPlaces): FoundFiles {
  const path = realNixConf(places.nixConf)
  if (isThere(places.state)) assertOwnedDirectory(places.state)
  return {
    nixConf: { path, state: readState(path), hasDirectory: isThere(dirname(path)) },
    included: readState(places.included),
    unit: readState(places.unit),
    socketUnit: readState(places.socketUnit),
    rootConf: lookAtRootConf(places.rootConf),
    ...(places.afterBuild
      ? { afterBuild: { path: places.afterBuild, state: readState(places.afterBuild) } }
      : {}),
    record: readRecord(places),
    hasDoorkeepers: isThere(places.doorkeepers),
    hasSystemd: isThere(places.systemd) && findProgram('systemctl') !== undefined,
  }
}

/**
 * root's own nix.conf, after symbolic links. One that a program generates (home-manager) is never
 * changed.
 */
function lookAtRootConf(file: string): FoundFiles['rootConf'] {
  const isMade = isThere(file) && realpathSync.native(file).startsWith('/nix/store/')
  if (isMade) return { path: file, state: undefined, isMade }
  const path = realNixConf(file)
  return { path, state: readState(path), isMade }
}

/**
 * The real path of nix.conf, after symbolic links. Throws FileError if NixOS or another program
 * generates it, or if the link leads nowhere.
 */
function realNixConf(file: string): string {
  const status = lstatSync(file, { throwIfNoEntry: false })
  if (status === undefined) return file
  const name = printable(file)
  let real: string
  try {
    real = realpathSync.native(file)
  } catch {
    throw new FileError(`${name} is a symbolic link that leads nowhere: put it right or delete it`)
  }
  const isMade = status.isSymbolicLink() && readlinkSync(file).startsWith('/etc/static/')
  if (isMade || real.startsWith('/nix/store/')) {
    throw new FileError(
      `${name} is made by this system's configuration (NixOS) and cannot be changed here: use nixsig's NixOS module there, which sets the same`,
    )
  }
  return real
}

function readRecord(places: SetupPlaces): SetupRecord | undefined {
  const file = recordFile(places)
  try {
    const bytes = readOwnedFile(file, RECORD_LIMIT)
    return bytes === undefined ? undefined : parseRecord(bytes)
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof FileError)) throw error
    throw new FileError(
      `what setup noted of this machine cannot be believed: ${error.message}. Find out who changed ${file}; without it setup goes by what stands in the files`,
    )
  }
}

/**
 * The settings of a file and its includes, in order, without nixsig's own file. Throws FormatError
 * and FileError.
 */
export function settingsIn(start: string, { included }: Pick<SetupPlaces, 'included'>): readonly Setting[] {
  let files = 0
  const read = (file: string, depth: number): readonly Setting[] | undefined => {
    if (++files > FILE_LIMIT || depth > DEPTH_LIMIT)
      throw new FormatError(printable(start), 'includes too many files, or itself', printable(file))
    // Nix follows links.
    const bytes = isThere(file) ? readRegularFile(realpathSync.native(file), CONF_LIMIT) : undefined
    if (bytes === undefined) return undefined
    return parseNixConf(withoutBuildHook(withoutInclude(bytes.toString('latin1'), included)), file).flatMap(
      line => {
        if (line.kind === 'setting') return [line]
        if (line.file === included) return []
        const settings = read(line.file, depth + 1)
        if (settings === undefined && !line.mayBeMissing)
          throw new FormatError(
            printable(file),
            `there is no ${printable(line.file)} to include`,
            `line ${line.line}`,
          )
        return settings ?? []
      },
    )
  }
  return read(start, 0) ?? []
}

function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined
}

/** The lock file of setup: two runs at once would undo each other. */
export function lockFile({ state }: SetupPlaces): string {
  return join(state, 'setup.lock')
}
