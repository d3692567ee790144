import { join } from 'node:path'
import { readProtectedFile } from '../files/owned-file.ts'
import { readRegularFile } from '../files/regular-file.ts'
import { parseNixSecretKey } from '../formats/nix/nix-key.ts'
import { itemsOf } from '../nix-config/settings.ts'
import { known, type Learned } from './door.ts'
import type { Facts, FileFacts, Part, View } from './facts.ts'
import { lookAtProgram } from './installation.ts'
import { learn } from './learn.ts'
import { protectionProblem } from './protection.ts'

const TIMEOUT = 8000
const FILE_LIMIT = 1024 * 1024
const PUBLIC_KEY_AT = 32

const PROGRAMS: Readonly<Record<Part, string>> = {
  'pre-build-hook': 'pre-build-hook',
  'post-build-hook': 'post-build-hook',
  'build-hook': 'build-hook',
  plugin: 'plugin-files',
}

/** Inspects the files that settings name. `home`: root's home directory. */
export async function lookAtFiles(
  views: Facts['views'],
  installation: string,
  home: string,
): Promise<FileFacts> {
  const named = (setting: string) => namedBy(views, setting)
  const programs = Object.entries(PROGRAMS).flatMap(([part, setting]) =>
    part === 'plugin' ? named(setting) : firstOf(views, setting),
  )
  const machines = named('builders').filter(word => word.startsWith('@'))
  return {
    programs: new Map(programs.map(file => [file, lookAtProgram(installation, file)])),
    secretKeys: await each(named('secret-key-files'), readSecretKey),
    machines: await each(
      machines.map(word => word.slice(1)),
      listsMachines,
    ),
    confProblems: await learn(() => confProblems(views), TIMEOUT),
    acceptedFlakeSettings: await learn(() => acceptedFlakeSettings(home), TIMEOUT),
  }
}

function namedBy(views: readonly View[], setting: string): readonly string[] {
  return views.flatMap(({ settings }) => itemsOf(known(settings) ?? new Map(), setting))
}

/** The programs in a setting whose value is a program with its arguments. */
function firstOf(views: readonly View[], setting: string): readonly string[] {
  return views.flatMap(({ settings }) => itemsOf(known(settings) ?? new Map(), setting).slice(0, 1))
}

async function each<T>(
  files: readonly string[],
  look: (file: string) => T,
): Promise<ReadonlyMap<string, Learned<T>>> {
  const entries = files.map(async file => [file, await learn(() => look(file), TIMEOUT)] as const)
  return new Map(await Promise.all(entries))
}

/** Reads a secret key file and returns the public key only. */
function readSecretKey(file: string): Uint8Array {
  const text = readProtectedFile(file, FILE_LIMIT).toString('latin1')
  return parseNixSecretKey(text).secretKey.subarray(PUBLIC_KEY_AT)
}

/**
 * Whether the file lists a machine: every line except comments does (Nix manual, "Remote builds").
 */
function listsMachines(file: string): boolean {
  const text = readRegularFile(file, FILE_LIMIT)?.toString('utf8') ?? ''
  return text.split(/[\n;]/).some(line => /^\s*[^#\s]/.test(line))
}

function confProblems(views: readonly View[]): readonly string[] {
  const files = views.flatMap(({ configuration }) => configuration.files)
  const present = new Set(files.filter(({ changed }) => changed !== undefined).map(({ path }) => path))
  return [...present].map(file => protectionProblem(file)).filter(problem => problem !== undefined)
}

/**
 * The number of a flake's settings that Nix recorded as permanently accepted. Throws Error if the
 * record cannot be read.
 */
function acceptedFlakeSettings(home: string): number {
  const text = readRegularFile(join(home, '.local/share/nix/trusted-settings.json'), FILE_LIMIT)?.toString(
    'utf8',
  )
  if (text === undefined) return 0
  const settings = JSON.parse(text) as Readonly<Record<string, Readonly<Record<string, boolean>>>>
  return Object.values(settings)
    .flatMap(values => Object.values(values))
    .filter(isAccepted => isAccepted === true).length
}
