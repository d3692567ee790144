/**
 * The entries of the quarantine: a directory each, `<state>/quarantine/<id>/`, with `entry.json`
 * (what and why) and `content` (the output as it was in the store). While
 * `<state>/quarantine/unfinished/<id>` exists, the entry is still being moved; after a crash the
 * next hook finishes it.
 */

import { lstatSync, mkdirSync, readdirSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, withOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import type { QuarantineEntry } from './entry.ts'
import { parseEntry } from './entry-json.ts'

const ENTRY_LIMIT = 4 * 1024 * 1024
/** Bytes of entry.json that are read to find the NAR size, which stands before what can be long. */
const HEAD_SIZE = 1024
const NAR_SIZE = /^ {2}"narSize": (\d+),$/m
const ID = /^\d{8}T\d{6}Z-[0-9a-z]{32}(-\d+)?$/

/** Whether an entry's content is there in full. */
export function hasContent(state: string, id: string): boolean {
  return lstatSync(contentOf(state, id), { throwIfNoEntry: false }) !== undefined
}

/** Where an entry keeps its content. Throws FileError like entryDirectory. */
export function contentOf(state: string, id: string): string {
  return join(entryDirectory(state, id), 'content')
}

/** Returns the directory of all entries. */
export function quarantineDirectory(state: string): string {
  return join(state, 'quarantine')
}

/**
 * Returns the directory of one entry. Throws FileError if the id is not the name of an entry, so
 * that no id leads elsewhere.
 */
export function entryDirectory(state: string, id: string): string {
  if (!ID.test(id)) throw new FileError(`${printable(id)} is not the name of a quarantine entry`)
  return join(quarantineDirectory(state), id)
}

/**
 * Writes a new entry, marked unfinished, and returns its id. The caller flushes it to disk. Leaves
 * nothing behind if it throws.
 */
export function writeEntry(state: string, entry: QuarantineEntry): string {
  makeDirectories(state)
  const id = makeDirectoryOf(state, entry)
  try {
    const text = `${JSON.stringify(entry, null, 2)}\n`
    writeDurably(join(entryDirectory(state, id), 'entry.json'), text, { flush: false })
    writeFileSync(join(unfinishedDirectory(state), id), '', { flag: 'wx', mode: 0o600 })
  } catch (error) {
    removeEntry(state, id)
    throw error
  }
  return id
}

/**
 * Makes one directory after the other: if told to make all at once, Node reports every error as "no
 * such file".
 */
function makeDirectories(state: string): void {
  mkdirSync(state, { recursive: true, mode: 0o700 })
  for (const directory of [quarantineDirectory(state), unfinishedDirectory(state)]) {
    try {
      mkdirSync(directory, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Makes the directory of a new entry, under an unused name. */
function makeDirectoryOf(state: string, entry: QuarantineEntry): string {
  const time = new Date(entry.refused * 1000).toISOString().replace(/[-:]|\.\d+/g, '')
  const digest = digestOf(entry)
  for (let serial = 0; ; serial++) {
    const id = `${time}-${digest}${serial === 0 ? '' : `-${serial}`}`
    try {
      mkdirSync(entryDirectory(state, id), { mode: 0o700 })
      return id
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Removes the unfinished mark of an entry. */
export function finishEntry(state: string, id: string): void {
  rmSync(join(unfinishedDirectory(state), id), { force: true })
}

/** Whether an entry has no unfinished mark. */
export function isFinished(state: string, id: string): boolean {
  return lstatSync(join(unfinishedDirectory(state), id), { throwIfNoEntry: false }) === undefined
}

/** Returns the ids of all entries, oldest first. */
export function listEntries(state: string): readonly string[] {
  return list(quarantineDirectory(state))
}

/** Returns the ids of the entries of a store path with this hash part, oldest first. */
export function listEntriesOf(state: string, digest: string): readonly string[] {
  return listEntries(state).filter(id => id.split('-')[1] === digest)
}

/** Returns the ids of the unfinished entries. */
export function listUnfinished(state: string): readonly string[] {
  return list(unfinishedDirectory(state))
}

function unfinishedDirectory(state: string): string {
  return join(quarantineDirectory(state), 'unfinished')
}

/**
 * Reads an entry; undefined if it does not exist or was not written completely. Throws FileError if
 * others could have written the file, or if it is not the entry of a path with the hash part in the
 * id.
 */
export function readEntry(state: string, id: string): QuarantineEntry | undefined {
  const file = join(entryDirectory(state, id), 'entry.json')
  const bytes = readOwnedFile(file, ENTRY_LIMIT)
  if (bytes === undefined) return undefined
  const malformed = (what: string) => new FileError(`${printable(file)} is malformed: ${what}`)
  try {
    const entry = parseEntry(bytes)
    if (digestOf(entry) === id.split('-')[1]) return entry
    throw malformed(`it is about ${printable(entry.path)}`)
  } catch (error) {
    if (error instanceof FormatError) throw malformed(error.message)
    throw error
  }
}

/**
 * The NAR size in an entry, read from the beginning of its file: to parse all entries takes
 * seconds. Undefined, and throws, as `readEntry`.
 */
export function readNarSize(state: string, id: string): number | undefined {
  const file = join(entryDirectory(state, id), 'entry.json')
  const head = withOwnedFile(file, fd => {
    const bytes = Buffer.alloc(HEAD_SIZE)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, HEAD_SIZE, 0))
  })
  const [, size] = NAR_SIZE.exec(head ?? '') ?? []
  return size === undefined ? readEntry(state, id)?.narSize : Number(size)
}

/** Deletes an entry with its content. */
export function removeEntry(state: string, id: string): void {
  rmSync(entryDirectory(state, id), { recursive: true, force: true })
  finishEntry(state, id)
}

/** The hash part of the path that an entry is about. */
function digestOf({ path }: QuarantineEntry): string {
  return path.slice('/nix/store/'.length, '/nix/store/'.length + 32)
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter(name => ID.test(name))
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
