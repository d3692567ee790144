/** Nix's own check: it builds a derivation again and compares the outputs with those in the store. */
import { lstatSync } from 'node:fs'
import { homedir } from 'node:os'
import { execa } from 'execa'
import { findProgram, PROGRAM_DIRECTORIES } from '../../files/programs.ts'
import { printable } from '../../primitives/printable.ts'
import type { Output } from '../../verifier/derivation-parts.ts'
import { PackagingError } from '../packaging-error.ts'
import type { Rebuild } from './targets.ts'

/** Of what Nix and the build say, so much is kept and shown: its end. */
const KEPT_CHARACTERS = 64 * 1024
const SHOWN_LINES = 40
/** More than a hook's longest sentence. */
const LINE_LIMIT = 1000

/** An output that came out differently. */
export interface Differing {
  readonly output: Output
  /** Where Nix left what was built now. */
  readonly rebuilt: string
}

/** How it ended. */
export type Rebuilt =
  | { readonly kind: 'same' }
  | { readonly kind: 'differs'; readonly outputs: readonly Differing[] }
  /** `reason`: one or more lines, escaped. */
  | { readonly kind: 'failed'; readonly reason: string }

/**
 * Builds a derivation again. The settings and hooks in force are those of the daemon, or root's
 * own without one. Nix builds here: what a remote builder already had would not be built again.
 * Whether an output differs is seen from what Nix left beside it, and not from what was printed,
 * which the build can forge. `timeout` in milliseconds. Throws PackagingError if there is no Nix.
 */
export async function rebuild({ derivation, all }: Rebuild, timeout: number): Promise<Rebuilt> {
  const before = all.map(stampOfRebuilt)
  const reason = await runNixStore(['--keep-failed', '--realise', '--check', derivation.path.path], timeout)
  const outputs = all.flatMap((output, index) =>
    stampOfRebuilt(output) === before[index] ? [] : [{ output, rebuilt: rebuiltPath(output) }],
  )
  if (outputs.length > 0) return { kind: 'differs', outputs }
  return reason === undefined ? { kind: 'same' } : { kind: 'failed', reason }
}

/**
 * Has Nix build or fetch outputs of derivations (`x.drv`, `x.drv!out`), under the same settings and
 * hooks. Returns why that failed, in one or more lines, escaped; undefined if they are valid now.
 * Throws as `rebuild` does.
 */
export function realise(installables: readonly string[], timeout: number): Promise<string | undefined> {
  return runNixStore(['--realise', ...installables], timeout)
}

async function runNixStore(args: readonly string[], timeout: number): Promise<string | undefined> {
  const program = findProgram('nix-store')
  if (program === undefined)
    throw new PackagingError('not-valid', 'there is no program nix-store on this system')
  const run = execa(program, [...localOptions(), ...args], {
    cwd: '/',
    extendEnv: false,
    env: { PATH: PROGRAM_DIRECTORIES.join(':'), HOME: homedir() },
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    timeout,
  })
  let said = ''
  run.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS)
  })
  const { failed, timedOut, shortMessage } = await run
  if (!failed) return undefined
  if (timedOut) return `it was not built within ${timeout / 1000} seconds`
  return lastLines(said || (shortMessage ?? 'Nix said nothing'))
}

/**
 * One local build and no remote ones: with max-jobs = 0 Nix would ask a remote builder, which
 * answers with what it already has. Only root may open the store itself.
 */
function localOptions(): readonly string[] {
  const isRoot = process.geteuid?.() === 0
  const store = isRoot && process.env['NIX_REMOTE'] !== 'daemon' ? 'local' : 'daemon'
  return ['--option', 'store', store, '--option', 'builders', '', '--max-jobs', '1']
}

function rebuiltPath({ path }: Output): string {
  return `${path.path}.check`
}

/** Changes whenever Nix puts other contents there; undefined if nothing is there. */
function stampOfRebuilt(output: Output): string | undefined {
  const status = lstatSync(rebuiltPath(output), { bigint: true, throwIfNoEntry: false })
  return status && `${status.ino}:${status.birthtimeNs}:${status.ctimeNs}`
}

function lastLines(text: string): string {
  const lines = text.trim().split('\n').slice(-SHOWN_LINES)
  return lines.map(line => printable(line.trimEnd(), LINE_LIMIT)).join('\n')
}
