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

/** Files that are flushed one by one; of more, all of the file system is. */
const FEW = 8
/** Milliseconds for that: others may write much at the same time. */
const FLUSH_LIMIT = 10_000

/** What is to leave the store, and the entry that keeps it; `why` it has no entry. */
export type Marked =
  | { readonly entry: QuarantineEntry; readonly id: string }
  | { readonly entry: QuarantineEntry; readonly id: undefined; readonly why: string }

/**
 * Marks what leaves. Where taking the very same out was begun and not finished, with the entry that it has, and with those
 * of what refers to it: however often it is begun, it is kept once.
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
 * Of several entries of one making, which several processes began, the one that has its content, or the first; the others
 * are removed. For whoever has the lock.
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

/** Of these those without a content, whose making another entry keeps. */
export function emptyDoubles(state: string, marked: readonly Marked[]): readonly Marked[] {
  const empty = marked.filter(one => one.id !== undefined && !isKept(state, one))
  const entries = empty.map(({ entry }) => entry)
  const kept = new Set(empty.length === 0 ? [] : keptMakings(state, entries).map(({ making }) => making))
  return empty.filter(({ entry }) => kept.has(makingOf(entry)))
}

/** The entries that keep the content of these very makings, whoever took it out. */
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
 * Ends entries of what left the store under another entry, or was made again: those that others put a content into stay, and
 * of the rest nothing does. For whoever has the lock.
 */
export function withdraw(state: string, marked: readonly Marked[]): void {
  for (const { id } of marked) {
    if (id === undefined || isFinished(state, id)) continue
    if (hasContent(state, id)) finishEntry(state, id)
    else removeEntry(state, id)
  }
}

/** What tells a path that was made once from the same path made again. */
function makingOf({ path, narHash, registered }: QuarantineEntry): string {
  return `${path} ${narHash} ${registered}`
}

/** Makes entries, all of them on the disk when this returns, but for those that there is no room for. */
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

/** Entries that others began. What a loss of power left of one that had nothing yet is removed. */
export function readMarked(state: string, ids: readonly string[]): readonly Marked[] {
  return ids.flatMap(id => {
    const entry = readable(state, id)
    if (entry !== undefined) return [{ entry, id }]
    // Nothing is moved before its entry is written; a content without an entry is left for people to look at.
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
