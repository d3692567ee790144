import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import {
  assertBoundedAbout,
  INDEX,
  INDEX_LIMIT,
  type Listed,
  type Listing,
  type PublicationIndex,
  parseIndex,
  partOf,
  printIndex,
  printPart,
} from '../../formats/publication.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { fileOf, readFile } from './tree.ts'

/** The listing of each part, by the part's two characters. */
export type Listings = ReadonlyMap<string, Listing>

/** The index of a publication; undefined if it has none yet. Throws FileError. */
export function readPublishedIndex(to: string): PublicationIndex | undefined {
  const file = join(to, INDEX)
  const bytes = readRegularFile(file, INDEX_LIMIT)
  try {
    return bytes && parseIndex(bytes)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FileError(`${printable(file)} is not one that nixsig wrote (${error.message}): remove it`)
  }
}

/** Listings of the files of a publication as they are on disk. Throws FileError. */
export function listingsOf(to: string, names: readonly string[]): Listings {
  const listings = new Map<string, Map<string, Listed>>()
  for (const name of names) {
    const bytes = readFile(fileOf(to, name))
    if (bytes === undefined) throw new FileError(`${printable(fileOf(to, name))} went away meanwhile`)
    const listing = listings.get(partOf(name)) ?? new Map<string, Listed>()
    listings.set(partOf(name), listing.set(name, listedAs(bytes)))
  }
  return listings
}

/**
 * Writes the lists that are out of date, the index last. Returns the time of the publication's last
 * change, which always increases, even if the clock stands still or goes back.
 */
export function writeLists(
  to: string,
  listings: Listings,
  { old, now }: { readonly old: PublicationIndex | undefined; readonly now: number },
): number {
  const parts = new Map<string, Listed>()
  for (const [part, listing] of listings) {
    for (const digest of new Set([...listing.keys()].map(digestOf))) assertBoundedAbout(digest, listing)
    const bytes = Buffer.from(printPart(part, listing))
    parts.set(part, listedAs(bytes))
    const file = join(to, part, INDEX)
    if (!readFile(file)?.equals(bytes)) writeDurably(file, bytes, { flush: true, mode: 0o644 })
  }
  if (old !== undefined && isSame(old.parts, parts)) return old.published
  const published = Math.max(now, (old?.published ?? 0) + 1)
  writeDurably(join(to, INDEX), printIndex({ published, parts }), { flush: true, mode: 0o644 })
  return published
}

function digestOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}

function isSame(one: Listing, other: Listing): boolean {
  return one.size === other.size && [...one].every(([name, { sha256 }]) => other.get(name)?.sha256 === sha256)
}

function listedAs(bytes: Uint8Array): Listed {
  return { size: bytes.length, sha256: toHex(sha256(bytes)) }
}
