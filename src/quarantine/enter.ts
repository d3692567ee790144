import { closeSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { FileError } from '../files/regular-file.ts'
import { runProgram } from '../files/run.ts'
import {
  entryDirectory,
  finishEntry,
  hasContent,
  type QuarantineEntry,
  quarantineDirectory,
  readEntry,
  removeEntry,
  writeEntry,
} from './entries.ts'
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
