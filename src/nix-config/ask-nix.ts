/** Asks a Nix for the settings that are in effect for it. */
import { printable } from '../primitives/printable.ts'
import type { Environment } from './conf-files.ts'
import { parseConf } from './conf-text.ts'
import { type NixCall, type NixOutcome, runNix } from './run-nix.ts'
import { assignment, type Settings } from './settings.ts'

/** One Nix: a program, its environment, and the arguments that configure it. */
export interface NixProgram {
  /** Absolute path of `nix` itself, whatever its file name. */
  readonly program: string
  readonly environment: Environment
  /** Options of the command line, as the process in question has them. */
  readonly options: readonly string[]
}

const TIMEOUT = 10_000
const FEATURE = ['--extra-experimental-features', 'nix-command']

/**
 * What `nix config show` prints (`nix show-config` before 2.20): one setting per line, in the form
 * of nix.conf. Unlike its JSON this names experimental features in every version. They include
 * `nix-command` because the question itself enables it. Throws Error with Nix's message.
 */
export async function askSettings(nix: NixProgram): Promise<Settings> {
  let outcome = await runNix(call(nix, ['config', 'show']))
  // Nix also fails this way when it cannot read its configuration; then it fails the second time as
  // well.
  if (outcome.status !== 0 && !outcome.isLate) outcome = await runNix(call(nix, ['show-config']))
  if (outcome.status !== 0) throw failure('does not print its settings', outcome)
  const lines = parseConf(outcome.stdout.replaceAll('#', '\u{fffd}'))
  const settings = lines.flatMap(line => {
    if (line.kind !== 'setting') return []
    const { name, value } = assignment(line.name, line.value, '')
    return [[name, value] as const]
  })
  if (settings.length === 0) throw new Error('Nix printed no settings')
  return new Map(settings)
}

/** What `nix --version` prints, one line. Throws Error with Nix's message. */
export async function askVersion(nix: NixProgram): Promise<string> {
  const outcome = await runNix(call({ ...nix, options: [] }, ['--version']))
  if (outcome.status !== 0) throw failure('does not print its version', outcome)
  return outcome.stdout.split('\n', 1)[0] ?? ''
}

function call({ program, environment, options }: NixProgram, words: readonly string[]): NixCall {
  return { program, name: 'nix', args: [...words, ...options, ...FEATURE], environment, timeout: TIMEOUT }
}

function failure(what: string, { isLate, stderr }: NixOutcome): Error {
  const last = stderr.trim().split('\n').at(-1) ?? ''
  return new Error(`Nix ${what}: ${isLate ? `no answer in ${TIMEOUT / 1000} seconds` : printable(last)}`)
}
