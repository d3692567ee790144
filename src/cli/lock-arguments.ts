/** Arguments and options of the commands about locks. */
import { resolve } from 'node:path'
import { otherWriters } from '../expressions/lock/other-writers.ts'
import type { RepositoryPlaces } from '../expressions/lock/repositories.ts'
import { minorOf } from '../expressions/nix-minor.ts'
import { keptDirectory } from '../files/kept-directory.ts'
import { assertDirectory } from '../files/named-file.ts'
import { runProgram } from '../files/run.ts'
import { canonicalUrl } from '../formats/locks/input-url.ts'
import { printable } from '../primitives/printable.ts'
import type { Places } from '../verifier/places.ts'
import type { Options } from './command.ts'
import { saying } from './option-value.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** Milliseconds for Nix to say its version. */
const VERSION_LIMIT = 10_000

export const LOCK_OPTIONS = {
  repo: {
    kind: 'values',
    value: 'URL=DIR',
    text: 'A local repository for this URL: nothing is fetched for it',
  },
} as const satisfies Options

/**
 * Where repositories are: those that were named, and mirrors below the state directory for root,
 * below the user's cache directory for others. Throws UsageError.
 */
export function repositoryPlaces(
  named: readonly string[],
  { state }: Pick<Places, 'state'>,
): RepositoryPlaces {
  const local = new Map<string, string>()
  for (const text of named) {
    const at = text.lastIndexOf('=')
    if (at <= 0) throw new UsageError(`--repo ${printable(text, 80)}: must be URL=DIR`)
    const directory = resolve(text.slice(at + 1))
    const url = saying('--repo', () => canonicalUrl(text.slice(0, at), 'git'))
    saying('--repo', () => assertDirectory(directory))
    local.set(url, directory)
  }
  return { local, mirrors: keptDirectory(state, 'mirrors') }
}

/**
 * To root, a note if others can change a directory between the verdict and what Nix reads. Users
 * answer for their own.
 */
export function noteOtherWriters(terminal: Terminal, directory: string): void {
  const problem = process.geteuid?.() === 0 ? otherWriters(directory) : undefined
  if (problem === undefined) return
  const next = 'verify and evaluate a clone in a directory that only root can write to'
  terminal.note(`others can change this tree after it was verified: ${problem}. next: ${next}`)
}

/**
 * The minor version of the Nix 2 in PATH, as which it fetches; undefined if there is no Nix, or its
 * version is not known.
 */
export async function minorOfNix(): Promise<number | undefined> {
  const asked = await runProgram('nix', ['--version'], VERSION_LIMIT).catch(() => undefined)
  return asked?.status === 0 ? minorOf(asked.stdout) : undefined
}
