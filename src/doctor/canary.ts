/** One attempt to bring in something that nobody attested. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseDerivation } from '../formats/nix/derivation.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { Environment } from '../nix-config/conf-files.ts'
import { type NixOutcome, runNix } from '../nix-config/run-nix.ts'
import { printable } from '../primitives/printable.ts'
import { encode } from '../store/wire.ts'
import type { Canary, RefusingFront } from './facts.ts'
import { madeUpName, madeUpPath } from './made-up.ts'

/** A way into the store of this machine. */
export interface Way {
  /** `local`: root's own Nix opens the store. */
  readonly store: 'local' | 'daemon'
  /** Absolute path of `nix-store`, beside the other programs. */
  readonly nixStore: string
  readonly environment: Environment
  readonly state: string
  /** The hooks that Nix names when one of them refuses by its exit status only. */
  readonly hooks: readonly string[]
}

/** What an attempt may leave behind, recorded before it starts. */
export interface Traces {
  /** Unique parts of the names of its files. */
  readonly names: string[]
  /** Store paths, as far as they are known. */
  readonly paths: string[]
}

/** Milliseconds. The plugin waits up to ten seconds for the gate. */
const IMPORT_LIMIT = 12_000
const INSTANTIATE_LIMIT = 5000
const BUILD_LIMIT = 12_000

/**
 * The fields after a NAR in an export (Nix manual, "Nix Store Export"): the magic number, path,
 * references, deriver, no signature.
 */
const EXPORT_MAGIC = 0x4558494e

/** Imports a path with a made-up name and contents. */
export async function tryImport(way: Way, traces: Traces): Promise<Canary> {
  const { name, path, nar } = madeUpPath()
  traces.names.push(name)
  traces.paths.push(path)
  const input = Buffer.concat([encode(1), nar, encode(EXPORT_MAGIC, path, [], '', 0, 0)])
  return outcomeOf(way, path, await nixStore(way, ['--import'], IMPORT_LIMIT, input))
}

/**
 * Builds a derivation with a made-up name. It needs no shell, network, remote builder or
 * substituter, so only a judge can refuse it. `where`: for a build on `this machine` only, Nix does
 * not ask the build-hook.
 */
export async function tryBuild(
  way: Way,
  traces: Traces,
  where: 'any machine' | 'this machine',
): Promise<Canary> {
  const name = madeUpName()
  traces.names.push(name)
  const made = await call(
    way,
    'nix-instantiate',
    ['--expr', expression(name, where === 'this machine')],
    INSTANTIATE_LIMIT,
  )
  const derivation = made.stdout.trim()
  if (made.status !== 0 || !/^\S+\.drv$/.test(derivation))
    return outcomeOf(way, derivation, { ...made, status: 1 })
  const output = outputOf(derivation)
  traces.paths.push(parseStorePath(derivation).path, output)
  const options = ['substitute false', 'keep-build-log false', 'keep-failed false', 'max-jobs 1']
  const args = options.flatMap(option => ['--option', ...option.split(' ')])
  return outcomeOf(way, output, await nixStore(way, [...args, '--realise', derivation], BUILD_LIMIT))
}

function expression(name: string, isKept: boolean): string {
  return `derivation {
    name = "${name}"; system = "builtin"; builder = "builtin:buildenv"; derivations = ""; manifest = "/none";
    preferLocalBuild = ${isKept};
  }`
}

function outputOf(derivation: string): string {
  const [output] = parseDerivation(readFileSync(derivation)).outputs
  if (output === undefined || !('path' in output))
    throw new Error('Nix made another derivation than the requested one')
  return output.path
}

/** Removes paths from the store, valid or not; those in use stay. */
export async function removePaths(way: Way, paths: readonly string[], timeout: number): Promise<void> {
  // Afterwards Nix looks for files that share their contents, which takes too long on a large
  // store.
  if (paths.length > 0) await nixStore(way, ['--delete', ...paths], timeout)
}

const FRONTS = ['pre-build-hook', 'post-build-hook', 'build-hook'] as const

/** The front that refused, by Nix's message around a refusal that was shown to the user. */
function frontBy(stderr: string): RefusingFront {
  if (stderr.includes('unknown pre-build hook command')) return 'pre-build-hook'
  if (stderr.includes('post-build-hook')) return 'post-build-hook'
  return /executing SQLite statement|constraint failed/.test(stderr) ? 'plugin' : 'build-hook'
}

function nixStore(
  way: Way,
  args: readonly string[],
  timeout: number,
  input?: Uint8Array,
): Promise<NixOutcome> {
  return call(way, 'nix-store', args, timeout, input)
}

function call(
  { store, nixStore, environment }: Way,
  name: string,
  args: readonly string[],
  timeout: number,
  input: Uint8Array = new Uint8Array(),
): Promise<NixOutcome> {
  const program = join(dirname(nixStore), name)
  return runNix({ program, name, args: ['--store', store, ...args], environment, timeout, input })
}

/** The outcome for a path that was to come in. Only a refusal by nixsig itself closes a door. */
function outcomeOf({ state, hooks }: Way, path: string, { status, isLate, stderr }: NixOutcome): Canary {
  if (status === 0) {
    const { digest } = parseStorePath(path)
    return { kind: 'let in', isJudged: readAdmission(state, digest, path) !== undefined }
  }
  if (isLate) return { kind: 'failed', why: 'there was no answer in time' }
  const lines = stderr.trim().split('\n')
  const own = lines.find(line => line.includes('nixsig: '))
  if (own !== undefined) {
    const by = printable(own.slice(own.indexOf('nixsig: ')), 160)
    return { kind: 'refused', by, front: frontBy(stderr) }
  }
  // Old versions of Nix hide the plugin's message, and a hook may refuse by its exit status.
  if (stderr.includes('constraint failed'))
    return { kind: 'refused', by: 'the store plugin refused it', front: 'plugin' }
  const hook = hooks.find(file => stderr.includes(file))
  if (hook !== undefined) {
    const front = FRONTS.find(name => hook.endsWith(`/${name}`)) ?? 'pre-build-hook'
    return { kind: 'refused', by: `${printable(hook)} refused it`, front }
  }
  return { kind: 'failed', why: printable(lines.at(-1) ?? '', 300) }
}
