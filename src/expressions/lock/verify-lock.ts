/** Whether everything that a lock pins is what the right people signed: docs/semantics.md, X2. */
import { assertDirectory } from '../../files/named-file.ts'
import { ArgumentError } from '../../files/regular-file.ts'
import { lineAtOffset, linesOfKeys } from '../../formats/json/positions.ts'
import type { LockedInput } from '../../formats/locks/locked-input.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { InputVerdict } from './input-verdict.ts'
import { judgeInput } from './judge-input.ts'
import { judgeSelf, type SelfQuestion } from './judge-self.ts'
import { LOCKS, readLock } from './lock-files.ts'
import { openRepositories, type RepositoryPlaces } from './repositories.ts'

/** What is to be verified. */
export interface LockQuestion {
  readonly policy: Policy
  readonly now: Instant
  readonly places: RepositoryPlaces
  /** Whether each local repository has to be that of an input, so that no URL is mistyped. */
  readonly usesAll?: true
  /** A directory with locks, and how the tree around them is judged, unless it is left out. */
  readonly directory?: string
  readonly self?: Omit<SelfQuestion, 'directory' | 'locks'>
  /**
   * The minor version of the Nix 2 that evaluates what is verified (nix-minor.ts); absent: it could
   * be any.
   */
  readonly minor?: number
  /** What expressions pin besides, as the command line says. */
  readonly pins?: readonly LockedInput[]
  /** Called with each verdict as soon as it is there, and how many there will be. */
  readonly told?: (verdict: InputVerdict, of: number) => void
}

/**
 * Judges the tree around the locks of a directory, every input that they pin, directly or through
 * other inputs, and the pins that were named. Throws FileError if there is nothing to judge.
 */
export async function verifyLock(question: LockQuestion): Promise<readonly InputVerdict[]> {
  const { directory, pins = [], self } = question
  if (directory !== undefined) assertDirectory(directory)
  const locks = directory === undefined ? [] : readLocks(directory)
  if (directory !== undefined && locks.length === 0 && pins.length === 0) {
    const names = Object.keys(LOCKS).join(', ')
    throw new ArgumentError(`no lock in ${printable(directory)}: nixsig looks for ${names}`)
  }
  if (question.usesAll) assertUsed(question.places, locks, pins)
  const repositories = openRepositories(question.places)
  const around = directory === undefined || self === undefined ? {} : { directory }
  const { policy, now, minor } = question
  const evaluator = minor === undefined ? {} : { minor }
  const by = (file: string) => ({ policy, now, repositories, file, ...around, ...evaluator })
  const verdicts: InputVerdict[] = []
  const inputs = locks
    .flatMap(lock => ('inputs' in lock ? lock.inputs.length : 1))
    .reduce((a, b) => a + b, pins.length)
  const say = (verdict: InputVerdict) => {
    verdicts.push(verdict)
    question.told?.(verdict, inputs + (self === undefined ? 0 : 1))
  }
  try {
    if (directory !== undefined && self !== undefined) {
      const files = locks.map(({ file }) => file)
      say(await judgeSelf(by(files[0] ?? 'flake.lock'), { ...self, directory, locks: files }))
    }
    for (const lock of locks) {
      if ('unreadable' in lock) say(lock.unreadable)
      else for (const input of lock.inputs) say(await judgeInput(by(lock.file), input))
    }
    for (const pin of pins) say(await judgeInput(by('pin'), pin))
    return verdicts
  } finally {
    await repositories.close()
  }
}

type Lock =
  | { readonly file: string; readonly inputs: readonly LockedInput[] }
  | { readonly file: string; readonly unreadable: InputVerdict }

/**
 * Throws ArgumentError if a repository was named for a URL that no input has: its name is mistyped.
 * Which URLs submodules have is not known yet.
 */
function assertUsed({ local }: RepositoryPlaces, locks: readonly Lock[], pins: readonly LockedInput[]): void {
  if (locks.some(lock => 'unreadable' in lock)) return
  const all = [...locks.flatMap(lock => ('inputs' in lock ? lock.inputs : [])), ...pins]
  if (all.some(({ pin }) => pin.kind === 'git' && pin.submodules)) return
  const urls = new Set(all.flatMap(({ pin }) => (pin.kind === 'git' ? [pin.url] : [])))
  const unused = [...local.keys()].find(url => !urls.has(url))
  if (unused === undefined) return
  const there = urls.size === 0 ? 'none is a repository' : `there are: ${[...urls].slice(0, 20).join(', ')}`
  throw new ArgumentError(
    `--repo ${printable(unused, 200)}: no input has this URL; ${printable(there, 2000)}`,
  )
}

function readLocks(directory: string): readonly Lock[] {
  return Object.entries(LOCKS).flatMap(([file, read]): readonly Lock[] => {
    const bytes = readLock(directory, file)
    if (bytes === undefined) return []
    try {
      return [{ file, inputs: read(bytes) }]
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      return [{ file, unreadable: unreadable(file, bytes, error) }]
    }
  })
}

/** A lock that could be read in two ways, or not at all, is refused as a whole. */
function unreadable(file: string, bytes: Uint8Array, error: FormatError): InputVerdict {
  const message = `${error.message}: write it again with the tool that it belongs to`
  const findings = [{ code: 'unreadable', message, status: 20 } as const]
  const line = lineOfProblem(Buffer.from(bytes).toString('utf8'), error.where)
  return { file, line, input: file, url: '', rule: '', findings, notes: [] }
}

/** The line of an offset, or of the node or pin whose field an error names; else the first one. */
function lineOfProblem(text: string, where: string): number {
  const offset = /^offset (\d+)$/.exec(where)?.[1]
  if (offset !== undefined) return lineAtOffset(text, Number(offset))
  const [, top = ''] = /^(nodes|pins)\./.exec(where) ?? []
  const names = [...linesOfKeys(text, top === '' ? [] : [top])]
  const begin = top === '' ? '' : `${top}.`
  const found = names.filter(([name]) => `${where}.`.startsWith(`${begin}${printable(name, 60)}.`))
  return found.at(-1)?.[1] ?? 1
}
