import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import {
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

/** Files that are fetched at once. */
const PARALLEL = 8

/** Bytes that the files of one part may have together. */
const PART_BYTES_LIMIT = 256 * 1024 * 1024

/** The files of a part: all of them, or those about one digest. */
export interface Wanted {
  readonly part: string
  readonly digest?: string
}

/** What became of files of a mirror. */
export interface Changes {
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
}

/** What the source sends is not what its index lists: the publisher may be at work this moment. */
export class ChangedError extends SourceError {}

/**
 * Makes files of the mirror what an index lists: fetches what is missing, removes what is not listed (any longer). For
 * whoever holds the mirror's lock. Throws ChangedError, SourceError, FileError and what writing throws.
 */
export async function bringFiles(
  mirror: Mirror,
  index: PublicationIndex,
  { part, digest }: Wanted,
  patience: Patience,
): Promise<Changes> {
  const isWanted = (name: string) => digest === undefined || name.startsWith(`${digest}.`)
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

/** Whoever fills a part fills a disk. */
function assertBounded(part: string, files: readonly (readonly [string, Listed])[]): void {
  const total = files.reduce((sum, [, { size }]) => sum + size, 0)
  if (total <= PART_BYTES_LIMIT) return
  throw new SourceError(`${part}/${INDEX} lists more than ${PART_BYTES_LIMIT} bytes`, { isPassing: false })
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

/** What a list says of a file: its first so many bytes, for publishers add to their files before they list that. */
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

/** Not flushed: what a loss of power tears is not what is listed, and fetched again. */
function write({ directory }: Mirror, part: string, name: string, bytes: Uint8Array): void {
  writeDurably(join(directory, part, name), bytes, { flush: false, mode: 0o644 })
}

function remove({ directory }: Mirror, part: string, name: string): void {
  rmSync(join(directory, part, name), { recursive: true, force: true })
}

/** The list of a part that is no longer there, and its directory once that is empty. */
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

/** Does something for each item, several at once; nothing goes on in the background when it throws. */
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
