/**
 * The index of a build graph's list (src/formats/nix/build-graph.ts), for looking up one path in a
 * large graph without reading it. All numbers are big-endian:
 *
 *     8 bytes     "nixsigA1"
 *     32 bytes    SHA-256 of the list that it was made from
 *     4 bytes     the number of records, n
 *     4 bytes     the number of bits, b, by which records are found: 0 to 24
 *     2^b + 1     numbers of 4 bytes: the first record of each bucket, then n
 *     n records   of 52 bytes, sorted: 20 bytes of the store path's hash part, 32 of the SHA-256
 *
 * A record is in the bucket of the first b bits of its hash part. There are about as many buckets
 * as records, so a lookup reads the head, two numbers and a few records.
 */
import { FormatError } from '../primitives/format-error.ts'
import { fromHex, toHex } from '../primitives/hex.ts'
import { type GraphEntry, graphDigest, parseBuildGraph } from './nix/build-graph.ts'
import { fromNix32 } from './nix/nix32.ts'
import { parseStorePath } from './nix/store-path.ts'

const MAGIC = Buffer.from('nixsigA1', 'latin1')
const HEAD = 48
const KEY = 20
const RECORD = KEY + 32
const BITS_LIMIT = 24
/** The most records that one lookup reads. More share a bucket only if somebody wanted them to. */
const BUCKET_LIMIT = 1 << 16

/** Reads this many bytes at this offset; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Uint8Array

/** An index whose head was read. */
export interface GraphIndex {
  /** SHA-256 of the list, lower-case hex. */
  readonly graph: string
  readonly count: number
  readonly bits: number
}

/** Makes the index of a list. Throws FormatError if the list is malformed. */
export function makeGraphIndex(list: Uint8Array): Uint8Array {
  const entries = parseBuildGraph(list).map(recordOf)
  entries.sort(Buffer.compare)
  const bits = bitsFor(entries.length)
  const starts = new Uint32Array((1 << bits) + 1)
  for (const record of entries) {
    const after = bucketOf(record, bits) + 1
    starts[after] = (starts[after] ?? 0) + 1
  }
  const head = Buffer.alloc(HEAD + starts.length * 4)
  MAGIC.copy(head)
  head.set(fromHex(graphDigest(list)), 8)
  head.writeUInt32BE(entries.length, 40)
  head.writeUInt32BE(bits, 44)
  let first = 0
  for (const [bucket, count] of starts.entries()) {
    first += count
    head.writeUInt32BE(first, HEAD + bucket * 4)
  }
  return Buffer.concat([head, ...entries])
}

/** Reads the head of an index of `size` bytes. Throws FormatError if it cannot be a whole index. */
export function openGraphIndex(read: ReadAt, size: number): GraphIndex {
  const head = Buffer.from(read(0, HEAD))
  if (head.length < HEAD || !head.subarray(0, 8).equals(MAGIC)) throw malformed('has another head', 0)
  const count = head.readUInt32BE(40)
  const bits = head.readUInt32BE(44)
  if (bits > BITS_LIMIT) throw malformed('too many buckets', 44)
  if (size !== recordsAt(bits) + count * RECORD) throw malformed('is not as long as it says', size)
  return { graph: toHex(head.subarray(8, 40)), count, bits }
}

/**
 * The SHA-256 that the list gives for the store path with this hash part, lower-case hex; undefined
 * if the list does not have it. Throws FormatError if the index is damaged there.
 */
export function lookUp({ count, bits }: GraphIndex, read: ReadAt, digest: string): string | undefined {
  const key = Buffer.from(fromNix32(digest))
  const at = HEAD + bucketOf(key, bits) * 4
  const bounds = Buffer.from(read(at, 8))
  if (bounds.length < 8) throw malformed('breaks off', at)
  const [first, end] = [bounds.readUInt32BE(0), bounds.readUInt32BE(4)]
  if (first > end || end > count || end - first > BUCKET_LIMIT) throw malformed('a bucket without an end', at)
  const records = Buffer.from(read(recordsAt(bits) + first * RECORD, (end - first) * RECORD))
  if (records.length < (end - first) * RECORD) throw malformed('breaks off', at)
  for (let offset = 0; offset < records.length; offset += RECORD) {
    if (records.compare(key, 0, KEY, offset, offset + KEY) !== 0) continue
    return toHex(records.subarray(offset + KEY, offset + RECORD))
  }
  return undefined
}

function recordOf({ path, sha256 }: GraphEntry): Buffer {
  return Buffer.concat([fromNix32(parseStorePath(path).digest), fromHex(sha256)])
}

/** About one record for each bucket. */
function bitsFor(count: number): number {
  return Math.min(BITS_LIMIT, Math.floor(Math.log2(Math.max(count, 1))))
}

function bucketOf(key: Buffer, bits: number): number {
  return bits === 0 ? 0 : key.readUInt32BE(0) >>> (32 - bits)
}

function recordsAt(bits: number): number {
  return HEAD + ((1 << bits) + 1) * 4
}

function malformed(problem: string, at: number): FormatError {
  return new FormatError('index of a build graph', problem, `offset ${at}`)
}
