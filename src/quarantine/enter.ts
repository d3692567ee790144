import { closeSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import {
  entryDirectory,
  finishEntry,
  hasContent,
  isFinished,
  listEntries,
  quarantineDirectory,
  readEntry,
  removeEntry,
  writeEntry,
} from './entries.ts'
import type { QuarantineEntry } from './entry.ts'
import { isHolder } from './holders.ts'
import { why } from './take-out.ts'

/** Up to this many files are flushed one by one; for more, the whole file system is flushed. */
const FEW = 8
/** The time limit for that, in milliseconds: others may write much at the same time. */
const FLUSH_LIMIT = 10_000

/** A path that is to leave the store, with the entry that keeps it; or `why` it has no entry. */
export type Marked =
  | { readonly entry: QuarantineEntry; readonly id: string }
  | { readonly entry: QuarantineEntry; readonly id: undefined; readonly why: string }

/**
 * Marks what leaves the store. If taking out the same registration was begun and not finished, its
 * existing entry is used, with the entries of what refers to it. So it is kept only once, however
 * often it is begun.
 */
export async function markAll(
  state: string,
  leaving: readonly QuarantineEntry[],
  begun: readonly string[],
): Promise<readonly Marked[]> {
  const known = begun.flatMap(id => {
    const entry = readable(state, id)
    return entry === undefined ? [] : [{ entry, id }]
  })
  const kept = new Set(known.map(({ entry }) => makingOf(entry)))
  const wanted = new Set(leaving.map(makingOf))
  const same = known.filter(({ entry }) => wanted.has(makingOf(entry)) || isHolder(entry))
  const fresh = leaving.filter(entry => !kept.has(makingOf(entry)))
  return [...same, ...(await enterAll(state, fresh))]
}

/**
 * Keeps one of several entries of one registration, which several processes began: the one that has
 * its content, or else the first. Removes the others. The caller must hold the lock.
 */
export function withoutDoubles(state: string, marked: readonly Marked[]): readonly Marked[] {
  const first = new Map<string, Marked>()
  for (const one of marked) {
    const before = first.get(makingOf(one.entry))
    const isBetter = before === undefined || (!isKept(state, before) && isKept(state, one))
    if (isBetter) first.set(makingOf(one.entry), one)
  }
  const chosen = new Set(first.values())
  for (const one of marked) if (!chosen.has(one) && one.id !== undefined) removeEntry(state, one.id)
  return marked.filter(one => chosen.has(one))
}

function isKept(state: string, { id }: Marked): boolean {
  return id !== undefined && hasContent(state, id)
}

/** Returns those of these without content whose registration another entry keeps. */
export function emptyDoubles(state: string, marked: readonly Marked[]): readonly Marked[] {
  const empty = marked.filter(one => one.id !== undefined && !isKept(state, one))
  const entries = empty.map(({ entry }) => entry)
  const kept = new Set(empty.length === 0 ? [] : keptMakings(state, entries).map(({ making }) => making))
  return empty.filter(({ entry }) => kept.has(makingOf(entry)))
}

/**
 * Returns the ids of the entries that keep the content of these registrations, whoever took it out.
 */
export function keepersOf(state: string, entries: readonly QuarantineEntry[]): readonly string[] {
  return keptMakings(state, entries).map(({ id }) => id)
}

function keptMakings(state: string, entries: readonly QuarantineEntry[]) {
  const makings = new Set(entries.map(makingOf))
  const digests = new Set(entries.map(({ path }) => parseStorePath(path).digest))
  const ids = listEntries(state).filter(id => digests.has(id.split('-')[1] ?? '') && hasContent(state, id))
  return ids.flatMap(id => {
    const entry = readable(state, id)
    const making = entry === undefined ? undefined : makingOf(entry)
    return making !== undefined && makings.has(making) ? [{ id, making }] : []
  })
}

/**
 * Ends entries of paths that left the store under another entry or were made again. Entries into
 * which others put content stay; the rest are removed. The caller must hold the lock.
 */
export function withdraw(state: string, marked: readonly Marked[]): void {
  for (const { id } of marked) {
    if (id === undefined || isFinished(state, id)) continue
    if (hasContent(state, id)) finishEntry(state, id)
    else removeEntry(state, id)
  }
}

/** What distinguishes one registration of a path from a later one. */
function makingOf({ path, narHash, registered }: QuarantineEntry): string {
  return `${path} ${narHash} ${registered}`
}

/**
 * Writes entries, all flushed to disk when this returns. An entry that cannot be written gets no
 * id.
 */
export async function enterAll(
  state: string,
  entries: readonly QuarantineEntry[],
): Promise<readonly Marked[]> {
  const marked = entries.map((entry): Marked => {
    try {
      return { entry, id: writeEntry(state, entry) }
    } catch (error) {
      return { entry, id: undefined, why: why(error) }
    }
  })
  await flush(state, marked)
  return marked
}

async function flush(state: string, marked: readonly Marked[]): Promise<void> {
  const ids = marked.flatMap(({ id }) => id ?? [])
  if (ids.length === 0) return
  const directory = quarantineDirectory(state)
  if (ids.length > FEW) {
    await runProgram('sync', ['--file-system', directory], FLUSH_LIMIT)
    return
  }
  for (const id of ids) {
    const file = openSync(join(entryDirectory(state, id), 'entry.json'), 'r')
    fsyncSync(file)
    closeSync(file)
  }
  for (const changed of [join(directory, 'unfinished'), directory]) syncDirectory(changed)
}

/**
 * Returns entries that others began. An entry that a power failure left empty and without content
 * is removed.
 */
export function readMarked(state: string, ids: readonly string[]): readonly Marked[] {
  return ids.flatMap(id => {
    const entry = readable(state, id)
    if (entry !== undefined) return [{ entry, id }]
    // Nothing is moved before its entry is written. Content without an entry is left for people to
    // inspect.
    if (hasContent(state, id)) finishEntry(state, id)
    else removeEntry(state, id)
    return []
  })
}

function readable(state: string, id: string): QuarantineEntry | undefined {
  try {
    return readEntry(state, id)
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}
