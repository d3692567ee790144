/**
 * Remembers which files matched their lists, and the lists that were parsed, so that repeated
 * questions about a path need no hashing or parsing. Kept only while this program runs.
 */
import { lstatSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { type Listed, type Listing, PART_LIMIT, parsePart } from '../../formats/publication.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'

/** How many files are remembered. */
const COUNT_LIMIT = 10_000
/**
 * Milliseconds. A file that changed more recently than this may change again without its time
 * changing.
 */
const SETTLED_MS = 2000
/** Bytes of the lists that are kept parsed, together. */
const LISTS_LIMIT = 8 * 1024 * 1024

/** By file name: the stamp and the SHA-256 (hex) that a file had when it was verified. */
const VERIFIED = new Map<string, { readonly stamp: string; readonly sha256: string }>()

/** Parsed lists, by part and SHA-256 (hex), the least recently used first. */
const LISTS = new Map<string, { readonly listing: Listing; readonly size: number }>()
let listsSize = 0

/** SHA-256 in lower-case hex. */
export function sha256Of(bytes: Uint8Array): string {
  return toHex(sha256(bytes))
}

/** Whether contents have the listed size and hash. */
export function isListed(bytes: Uint8Array, { size, sha256 }: Listed): boolean {
  return bytes.length === size && sha256Of(bytes) === sha256
}

/**
 * Whether a file has the listed size and hash. Hashes it only if it changed since it was last
 * verified, and first lets other work have a turn. Throws FileError.
 */
export async function isFileListed(file: string, listed: Listed): Promise<boolean> {
  if (isKnown(file, listed)) return true
  if (statusOf(file)?.size !== BigInt(listed.size)) return false
  await turn()
  return readListed(file, listed) !== undefined
}

/**
 * Reads the list of a part from a file; undefined if the file does not have the listed size and
 * hash. Throws FileError and FormatError.
 */
export function readList(file: string, part: string, listed: Listed): Listing | undefined {
  const key = `${part} ${listed.sha256}`
  const kept = LISTS.get(key)
  if (kept !== undefined && isKnown(file, listed)) return kept.listing
  if (listed.size > PART_LIMIT) return undefined
  const bytes = readListed(file, listed)
  if (bytes === undefined) return undefined
  const listing = kept?.listing ?? parsePart(bytes, part)
  keep(key, { listing, size: listed.size })
  return listing
}

function keep(key: string, list: { readonly listing: Listing; readonly size: number }): void {
  listsSize += list.size - (LISTS.get(key)?.size ?? 0)
  LISTS.delete(key)
  LISTS.set(key, list)
  for (const [oldest, { size }] of LISTS) {
    if (listsSize <= LISTS_LIMIT) break
    LISTS.delete(oldest)
    listsSize -= size
  }
}

function isKnown(file: string, { sha256, size }: Listed): boolean {
  const known = VERIFIED.get(file)
  if (known === undefined || known.sha256 !== sha256) return false
  const status = statusOf(file)
  return status?.size === BigInt(size) && stampOf(status) === known.stamp
}

/**
 * The bytes of a file that has the listed size and hash; undefined otherwise. Remembers that it was
 * verified.
 */
function readListed(file: string, listed: Listed): Buffer | undefined {
  const before = statusOf(file)
  if (before?.size !== BigInt(listed.size)) return undefined
  const begun = Date.now()
  const bytes = readRegularFile(file, listed.size)
  if (bytes === undefined || !isListed(bytes, listed)) return undefined
  VERIFIED.delete(file)
  const stamp = stampOf(before)
  const after = statusOf(file)
  if (Number(before.ctimeMs) >= begun - SETTLED_MS || after === undefined || stampOf(after) !== stamp)
    return bytes
  VERIFIED.set(file, { stamp, sha256: listed.sha256 })
  if (VERIFIED.size > COUNT_LIMIT) VERIFIED.delete(VERIFIED.keys().next().value ?? '')
  return bytes
}

type Status = NonNullable<ReturnType<typeof statusOf>>

/**
 * The status of a regular file, with times in nanoseconds; undefined if the file is absent or not a
 * regular file. Throws FileError.
 */
function statusOf(file: string) {
  try {
    const status = lstatSync(file, { bigint: true, throwIfNoEntry: false })
    return status?.isFile() ? status : undefined
  } catch (error) {
    throw new FileError(`cannot look at ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

/** Text that differs once the file was written to or replaced. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: Status): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}
