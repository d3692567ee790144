/**
 * The sources of attestations that a policy names, for questions about one store path at a time.
 * What a mirror can answer needs neither the network nor the modules for it.
 */
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { APPROVALS, ENVELOPES, GRAPH_LIST } from '../../formats/publication.ts'
import { PATIENCE, type Patience } from '../../http/patience.ts'
import type { AttestationSource } from '../../policy/policy.ts'
import type { Trouble } from '../../policy/verdict.ts'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import {
  hasApprovals,
  isComplete,
  isCurrent,
  listedFiles,
  type Mirror,
  type MirroredIndex,
  mirrorOf,
  readIndex,
  readRecord,
} from './mirror.ts'
import type { Wanted } from './update-files.ts'

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
  /** Brings all published approvals into the mirrors, without the lists of their build graphs. */
  refreshApprovals(): Promise<readonly Trouble[]>
  /**
   * Brings the list of a build graph into the mirror that has this directory. Resolves to what kept
   * it from coming; undefined also for a directory that is not a mirror.
   */
  bringGraph(directory: string, graph: string): Promise<Trouble | undefined>
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
    async refreshApprovals() {
      const troubles = await Promise.all(mirrors.map(mirror => mirror.refreshApprovals()))
      return troubles.filter(trouble => trouble !== undefined)
    },
    bringGraph: async (directory, graph) =>
      mirrors.find(mirror => mirror.directory === directory)?.bringGraph(graph),
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

/**
 * The mirrors in a state directory as the last updates left them: no source is asked, whatever
 * their age.
 */
export function keptSources(state: string, sources: readonly AttestationSource[]): Sources {
  const mirrors = sources.map(source => mirrorOf(state, source))
  return {
    directories: mirrors.map(({ directory }) => directory),
    refresh: async () => [],
    refreshApprovals: async () => [],
    bringGraph: async () => undefined,
    async published() {
      const files = new Map<string, string>()
      for (const mirror of mirrors) {
        const index = readIndex(mirror)
        const names = index === undefined ? [] : (listedFiles(mirror, index) ?? [])
        for (const [name, sha256] of names)
          files.set(name, `${files.get(name) ?? ''} ${mirror.url} ${sha256}`)
      }
      return { files, troubles: [] }
    },
  }
}

/** When each source last confirmed its index, in seconds since 1970; undefined if it never did. */
export function lastAnswers(
  state: string,
  sources: readonly AttestationSource[],
): readonly { readonly url: string; readonly answered?: number }[] {
  return sources.map(source => {
    const record = readRecord(mirrorOf(state, source))
    return { url: source.url, ...(record === undefined ? {} : { answered: record.checked }) }
  })
}

interface OpenMirror {
  readonly url: string
  readonly directory: string
  refresh(digest: string): Promise<Trouble | undefined>
  refreshApprovals(): Promise<Trouble | undefined>
  bringGraph(graph: string): Promise<Trouble | undefined>
  list(): Promise<{ readonly names: ReadonlyMap<string, string>; readonly trouble?: Trouble | undefined }>
}

function openMirror(mirror: Mirror, patience: Patience): OpenMirror {
  const answer = answerOnce(mirror, patience)
  const look = lookOrUpdate(mirror)
  const bring = async (wanted: Wanted, isHere: (index: MirroredIndex) => Promise<boolean>) => {
    await look(isHere, async () => {
      const { updateFiles } = await import('./update.ts')
      await updateFiles(mirror, wanted, patience)
    })
  }
  return {
    url: mirror.url,
    directory: mirror.directory,
    async refresh(digest) {
      const wanted = { part: digest.slice(0, 2), digest }
      const isHere = (index: MirroredIndex) => isComplete(mirror, index, digest)
      return (await answer()) ?? troubleIn(mirror, bring(wanted, isHere))
    },
    async refreshApprovals() {
      const wanted = { part: APPROVALS, extension: ENVELOPES }
      const isHere = (index: MirroredIndex) => hasApprovals(mirror, index)
      return (await answer()) ?? troubleIn(mirror, bring(wanted, isHere))
    },
    bringGraph(graph) {
      const wanted = { part: APPROVALS, digest: graph, extension: GRAPH_LIST }
      return troubleIn(
        mirror,
        bring(wanted, index => hasApprovals(mirror, index, graph)),
      )
    },
    async list() {
      let names: ReadonlyMap<string, string> = new Map()
      const read = async (index: MirroredIndex) => {
        names = listedFiles(mirror, index) ?? new Map()
        return names.size > 0 || index.parts.size === 0
      }
      const update = async () => {
        const { updateLists } = await import('./update.ts')
        await updateLists(mirror, patience)
      }
      const trouble = (await answer()) ?? (await troubleIn(mirror, look(read, update)))
      return { names, trouble }
    },
  }
}

/** Asks a source for its index once, if its last answer is too old, and remembers what came of it. */
function answerOnce(mirror: Mirror, patience: Patience): () => Promise<Trouble | undefined> {
  // Answers at this second or later are recent enough. With `max-age` 0, the answer must come from
  // a later second than this program's start.
  const since = Math.floor(Date.now() / 1000) - mirror.maxAge + 1
  let answer: Promise<Trouble | undefined> | undefined
  const ask = async () => {
    if (isCurrent(mirror, since)) return
    const { updateIndex } = await import('./update.ts')
    await updateIndex(mirror, since, patience)
  }
  return () => {
    answer ??= troubleIn(mirror, ask())
    return answer
  }
}

/**
 * Looks for something in a mirror and, if it is not there, updates the mirror and looks again. Once
 * the source has fallen silent it is not asked any more: waiting for it once for each of thousands
 * of paths would take days.
 */
function lookOrUpdate(mirror: Mirror) {
  /** The index as last read, so that it is not read again for each of thousands of paths. */
  let index: MirroredIndex | undefined
  let silence: Error | undefined
  return async (isHere: (index: MirroredIndex) => Promise<boolean>, update: () => Promise<void>) => {
    index ??= readIndex(mirror)
    if (index !== undefined && (await isHere(index))) return
    if (silence !== undefined) throw silence
    try {
      await update()
    } catch (error) {
      if (isPassing(error)) silence = error
      throw error
    }
    index = readIndex(mirror)
    if (index !== undefined) await isHere(index)
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
  if (error.name === 'SourceError')
    return `${error.message} (${lastAnswer(mirror)}): nixsig sync, by root, tries again`
  if (error.name === 'FileError' || error.name === 'FormatError') return error.message
  if (!('syscall' in error)) throw error
  const problem = printable(error.message, 160)
  return `cannot write its mirror: ${problem} (run as root, or name a state directory of your own: --state DIR)`
}

function lastAnswer(mirror: Mirror): string {
  const record = readRecord(mirror)
  return record === undefined ? 'it has never answered' : `it last answered ${when(record.checked)}`
}
