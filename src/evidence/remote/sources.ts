/**
 * The sources of attestations that a policy names, for questions about one store path at a time.
 * What a mirror can answer needs neither the network nor the modules for it.
 */
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { PATIENCE, type Patience } from '../../http/patience.ts'
import type { AttestationSource } from '../../policy/policy.ts'
import type { Trouble } from '../../policy/verdict.ts'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import {
  isComplete,
  isCurrent,
  listedFiles,
  type Mirror,
  type MirroredIndex,
  mirrorOf,
  readIndex,
  readRecord,
} from './mirror.ts'

/** The sources of a policy, with their mirrors. */
export interface Sources {
  /**
   * The mirrors, as directories of attestations. Each is as complete as the last update made it.
   */
  readonly directories: readonly string[]
  /**
   * Brings everything that is published about a store path into the mirrors. Asks each source for
   * its index once, if its last answer is older than the policy allows. Resolves to what kept
   * sources from being up to date. Throws FormatError if the path is not a store path.
   */
  refresh(storePath: string): Promise<readonly Trouble[]>
  /**
   * The names of all files that are published, each with text that differs once its contents do.
   * Brings the sources' lists up to date; fetches no file.
   */
  published(): Promise<PublishedNames>
}

/** What sources have, as far as they could be asked. */
export interface PublishedNames {
  readonly files: ReadonlyMap<string, string>
  /** What kept sources from being asked. */
  readonly troubles: readonly Trouble[]
}

/** Opens the mirrors in a state directory. Tests pass a shorter `patience`. */
export function openSources(
  state: string,
  sources: readonly AttestationSource[],
  patience: Patience = PATIENCE,
): Sources {
  const mirrors = sources.map(source => openMirror(mirrorOf(state, source), patience))
  return {
    directories: mirrors.map(({ directory }) => directory),
    async refresh(storePath) {
      const { digest } = parseStorePath(storePath)
      const troubles = await Promise.all(mirrors.map(mirror => mirror.refresh(digest)))
      return troubles.filter(trouble => trouble !== undefined)
    },
    async published() {
      const files = new Map<string, string>()
      const troubles: Trouble[] = []
      for (const { url, list } of mirrors) {
        const { names, trouble } = await list()
        for (const [name, sha256] of names) files.set(name, `${files.get(name) ?? ''} ${url} ${sha256}`)
        if (trouble !== undefined) troubles.push(trouble)
      }
      return { files, troubles }
    },
  }
}

interface OpenMirror {
  readonly url: string
  readonly directory: string
  refresh(digest: string): Promise<Trouble | undefined>
  list(): Promise<{ readonly names: ReadonlyMap<string, string>; readonly trouble?: Trouble | undefined }>
}

function openMirror(mirror: Mirror, patience: Patience): OpenMirror {
  // Answers at this second or later are recent enough. With `max-age` 0, the answer must come from
  // a later second than this program's start.
  const since = Math.floor(Date.now() / 1000) - mirror.maxAge + 1
  /** What kept the index from being current. The source is asked once. */
  let answer: Promise<Trouble | undefined> | undefined
  /** The index as last read, so that it is not read again for each of thousands of paths. */
  let index: MirroredIndex | undefined
  /**
   * Why the source is not asked for further files: waiting for it once for each of thousands of
   * paths would take days.
   */
  let silence: Error | undefined

  const askOnce = async () => {
    if (isCurrent(mirror, since)) return
    const { updateIndex } = await import('./update.ts')
    await updateIndex(mirror, since, patience)
  }
  const bring = async (digest: string) => {
    index ??= readIndex(mirror)
    if (index !== undefined && (await isComplete(mirror, index, digest))) return
    if (silence !== undefined) throw silence
    const { updateFiles } = await import('./update.ts')
    try {
      await updateFiles(mirror, { part: digest.slice(0, 2), digest }, patience)
    } catch (error) {
      if (isPassing(error)) silence = error
      throw error
    }
    index = readIndex(mirror)
  }
  const listNow = async (): Promise<ReadonlyMap<string, string>> => {
    index ??= readIndex(mirror)
    const known = index && listedFiles(mirror, index)
    if (known !== undefined) return known
    if (silence !== undefined) throw silence
    const { updateLists } = await import('./update.ts')
    await updateLists(mirror, patience)
    index = readIndex(mirror)
    return (index && listedFiles(mirror, index)) ?? new Map()
  }
  return {
    url: mirror.url,
    directory: mirror.directory,
    async refresh(digest) {
      answer ??= troubleIn(mirror, askOnce())
      return (await answer) ?? troubleIn(mirror, bring(digest))
    },
    async list() {
      let names: ReadonlyMap<string, string> = new Map()
      answer ??= troubleIn(mirror, askOnce())
      const list = async () => {
        names = await listNow()
      }
      const trouble = (await answer) ?? (await troubleIn(mirror, list()))
      return { names, trouble }
    },
  }
}

/**
 * Whether a source did not answer, or says that it cannot at the moment. Checked by name, as in
 * sourceProblem.
 */
function isPassing(error: unknown): error is Error {
  return (
    error instanceof Error && error.name === 'SourceError' && 'isPassing' in error && error.isPassing === true
  )
}

/** What went wrong with a source; undefined if nothing did. */
async function troubleIn(mirror: Mirror, work: Promise<void>): Promise<Trouble | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return { origin: mirror.url, detail: sourceProblem(mirror, error) }
  }
}

/** What went wrong with a source, for a message. Rethrows unexpected errors. */
export function sourceProblem(mirror: Mirror, error: unknown): string {
  if (!(error instanceof Error)) throw error
  // Checked by name, since the hooks' code that is loaded later has a class of its own.
  if (error.name === 'SourceError') return `${error.message} (${lastAnswer(mirror)}): nixsig sync tries again`
  if (error.name === 'FileError' || error.name === 'FormatError') return error.message
  if (!('syscall' in error)) throw error
  const problem = printable(error.message, 160)
  return `cannot write its mirror: ${problem} (run as root, or name a state directory of your own: --state DIR)`
}

function lastAnswer(mirror: Mirror): string {
  const record = readRecord(mirror)
  return record === undefined ? 'it has never answered' : `it last answered ${when(record.checked)}`
}
