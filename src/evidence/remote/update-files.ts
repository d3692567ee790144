import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import {
  APPROVALS,
  assertBoundedAbout,
  INDEX,
  type Listed,
  type Listing,
  type PublicationIndex,
  parsePart,
} from '../../formats/publication.ts'
import type { Patience } from '../../http/patience.ts'
import { SourceError } from '../../http/source-error.ts'
import { ask, parsed } from './ask.ts'
import { hasFile, type Mirror, readPart } from './mirror.ts'
import { isListed } from './verified.ts'

/** Files that are fetched at the same time. */
const PARALLEL = 8

/** Bytes that the files of one part may have together. */
const PART_BYTES_LIMIT = 256 * 1024 * 1024
/** The same for approvals, with the lists of their build graphs. */
const APPROVALS_LIMIT = 2 * 1024 * 1024 * 1024

/** Bytes that the lists of all parts may have together: 600,000 files. */
const LISTS_LIMIT = 64 * 1024 * 1024

/**
 * Which files of a part are wanted: all, those about one digest (the hash part of a store path, or
 * that of a build graph), or those with one extension.
 */
export interface Wanted {
  readonly part: string
  readonly digest?: string
  readonly extension?: string
}

/** How many files of a mirror were added, changed, removed and left unchanged. */
export interface Changes {
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
}

/** What the source sends differs from what its index lists. The publisher may be updating it. */
export class ChangedError extends SourceError {}

/**
 * Makes files of the mirror match the index: fetches what is missing, and removes what is not
 * listed (any more). The caller must hold the mirror's lock. Throws ChangedError, SourceError,
 * FileError and what writing throws.
 */
export async function bringFiles(
  mirror: Mirror,
  index: PublicationIndex,
  { part, digest, extension }: Wanted,
  patience: Patience,
): Promise<Changes> {
  const isWanted = (name: string) =>
    (digest === undefined || name.startsWith(`${digest}.`)) &&
    (extension === undefined || name.endsWith(extension))
  const listed = index.parts.get(part)
  const listing = listed === undefined ? new Map() : await bringPart(mirror, { part, listed }, patience)
  const files: [string, Listed][] = [...listing].filter(([name]) => isWanted(name))
  assertBounded(part, files)
  if (digest !== undefined) parsed(`${part}/${INDEX}`, () => assertBoundedAbout(digest, listing))
  const present = namesIn(mirror, part)
  const missing: typeof files = []
  for (const [name, file] of files) if (!(await hasFile(mirror, name, file))) missing.push([name, file])
  await inParallel(missing, async ([name, file]) => {
    const bytes = await fetchListed(mirror, `${part}/${name}`, file, patience)
    write(mirror, part, name, bytes)
  })
  const gone = present.filter(name => name !== INDEX && isWanted(name) && !listing.has(name))
  for (const name of gone) remove(mirror, part, name)
  if (listed === undefined) removePart(mirror, part)
  const changed = missing.filter(([name]) => present.includes(name)).length
  return {
    added: missing.length - changed,
    changed,
    removed: gone.length,
    unchanged: files.length - missing.length,
  }
}

/**
 * Makes the lists of all parts match the index, without the files in them. The caller must hold the
 * mirror's lock. Throws as bringFiles does.
 */
export async function bringLists(mirror: Mirror, index: PublicationIndex, patience: Patience): Promise<void> {
  const total = [...index.parts.values()].reduce((sum, { size }) => sum + size, 0)
  if (total > LISTS_LIMIT) {
    throw new SourceError(`${INDEX} lists lists of more than ${LISTS_LIMIT} bytes`, { isPassing: false })
  }
  await inParallel([...index.parts], async ([part, listed]) => {
    await bringPart(mirror, { part, listed }, patience)
  })
}

/** Limits what a source can write to the disk. Throws SourceError. */
function assertBounded(part: string, files: readonly (readonly [string, Listed])[]): void {
  const total = files.reduce((sum, [, { size }]) => sum + size, 0)
  const limit = part === APPROVALS ? APPROVALS_LIMIT : PART_BYTES_LIMIT
  if (total <= limit) return
  throw new SourceError(`${part}/${INDEX} lists more than ${limit} bytes`, { isPassing: false })
}

async function bringPart(
  mirror: Mirror,
  { part, listed }: { readonly part: string; readonly listed: Listed },
  patience: Patience,
): Promise<Listing> {
  const present = readPart(mirror, part, listed)
  if (present !== undefined) return present
  const name = `${part}/${INDEX}`
  const bytes = await fetchListed(mirror, name, listed, patience)
  const listing = parsed(name, () => parsePart(bytes, part))
  write(mirror, part, INDEX, bytes)
  return listing
}

/**
 * Fetches a listed file: only its first `size` bytes, since publishers append to files before they
 * list the new size. Throws ChangedError if its size or hash differs.
 */
async function fetchListed(
  mirror: Mirror,
  name: string,
  listed: Listed,
  patience: Patience,
): Promise<Uint8Array> {
  const { status, body } = await ask(mirror, { name, limit: listed.size, excess: 'cut' }, patience)
  if (status === 404) throw changed(name, 'is listed and not there')
  if (!isListed(body, listed)) throw changed(name, 'is not what is listed (size or SHA-256)')
  return body
}

function changed(name: string, problem: string): ChangedError {
  return new ChangedError(`${name} ${problem}`, { isPassing: false })
}

/** Not flushed: a file torn by a power loss does not match its list and is fetched again. */
function write({ directory }: Mirror, part: string, name: string, bytes: Uint8Array): void {
  writeDurably(join(directory, part, name), bytes, { flush: false, mode: 0o644 })
}

function remove({ directory }: Mirror, part: string, name: string): void {
  rmSync(join(directory, part, name), { recursive: true, force: true })
}

/**
 * Removes the list of a part that the source no longer has, and its directory once that is empty.
 */
function removePart(mirror: Mirror, part: string): void {
  remove(mirror, part, INDEX)
  if (namesIn(mirror, part).length === 0)
    rmSync(join(mirror.directory, part), { recursive: true, force: true })
}

function namesIn({ directory }: Mirror, part: string): readonly string[] {
  try {
    return readdirSync(join(directory, part))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * Runs an action for each item, several at the same time. When it throws, all actions have ended.
 */
async function inParallel<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  let failure: { readonly error: unknown } | undefined
  const work = async () => {
    for (const item of queue) {
      if (failure !== undefined) return
      await action(item).catch((error: unknown) => {
        failure ??= { error }
      })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  if (failure !== undefined) throw failure.error
}
