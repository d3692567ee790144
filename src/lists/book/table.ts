/**
 * A sorted map from bytes to bytes, in which a look-up reads a few numbers:
 *
 *     number of the table        32 bits, little-endian like all numbers here
 *     count                      32 bits
 *     size of the data           32 bits
 *     checksum of these three    32 bits, CRC-32 like all checksums here
 *     2 * count + 1 offsets      32 bits each, into the data: of each key and each value, and the end
 *     data                       key, value, checksum, key, value, checksum …; keys in the order of
 *                                their bytes
 *
 * A checksum covers the number of the table, the count, the place in the order, the key and the
 * value, so that whatever of a table is damaged is told, and no key is absent because of it.
 */
import { crc32 } from 'node:zlib'
import { FormatError } from '../../primitives/format-error.ts'

/** A record, key and value together, has at most so many bytes. */
export const RECORD_LIMIT = 1024 * 1024

const HEAD = 16
const SUM = 4

/** Where a table is read from. */
export interface Source {
  readonly size: number
  read(offset: number, length: number): Buffer
}

export interface Entry {
  /** Its place in the order of the keys, from 0. */
  readonly index: number
  readonly key: Buffer
  readonly value: Buffer
}

/** Writes a table with this number. Keys are unique. Throws FormatError for a record that is too large. */
export function tableOf(number: number, entries: Iterable<readonly [key: Buffer, value: Buffer]>): Buffer {
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(a, b))
  const count = sorted.length
  const offsets = Buffer.alloc(4 * (2 * count + 1))
  const data: Buffer[] = []
  let end = 0
  for (const [index, [key, value]] of sorted.entries()) {
    if (key.length + value.length > RECORD_LIMIT)
      throw new FormatError('list', `takes more than ${RECORD_LIMIT} bytes in a book`, key.toString())
    offsets.writeUInt32LE(end, 8 * index)
    offsets.writeUInt32LE(end + key.length, 8 * index + 4)
    data.push(key, value, u32(checksumOf({ number, count }, { index, key, value })))
    end += key.length + value.length + SUM
  }
  offsets.writeUInt32LE(end, 8 * count)
  const head = u32(number, count, end)
  return Buffer.concat([head, u32(crc32(head)), offsets, ...data])
}

/** Numbers of 32 bits, little-endian. */
export function u32(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length)
  for (const [index, number] of numbers.entries()) bytes.writeUInt32LE(number, 4 * index)
  return bytes
}

function checksumOf(table: { readonly number: number; readonly count: number }, entry: Entry): number {
  const { index, key, value } = entry
  return crc32(value, crc32(key, crc32(u32(table.number, table.count, index, key.length))))
}

/** A table in a file. Methods throw FormatError for whatever is damaged of what they read. */
export class Table {
  readonly count: number
  /** Where it ends in its source. */
  readonly end: number
  readonly #source: Source
  readonly #number: number
  readonly #offsets: number
  readonly #data: number

  /** Opens the table with this number that begins at this offset. Throws FormatError if it is not there. */
  constructor(source: Source, start: number, number: number) {
    if (start + HEAD > source.size) throw damaged(start)
    const head = source.read(start, HEAD)
    if (head.readUInt32LE(12) !== crc32(head.subarray(0, 12)) || head.readUInt32LE(0) !== number)
      throw damaged(start)
    this.count = head.readUInt32LE(4)
    this.#source = source
    this.#number = number
    this.#offsets = start + HEAD
    this.#data = this.#offsets + 4 * (2 * this.count + 1)
    this.end = this.#data + head.readUInt32LE(8)
    if (this.end > source.size) throw damaged(start)
  }

  /** The value of a key; undefined if it is not there. */
  get(key: Buffer): Buffer | undefined {
    const found = this.floor(key)
    return found?.key.equals(key) === true ? found.value : undefined
  }

  /** The last entry whose key does not come after this one; undefined if all of them do. */
  floor(key: Buffer): Entry | undefined {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare(this.#keyAt(middle), key) <= 0) low = middle + 1
      else high = middle
    }
    // Damage may have led the search astray, so both neighbours are looked at.
    const found = low === 0 ? undefined : this.at(low - 1)
    const next = low === this.count ? undefined : this.at(low)
    if (found !== undefined && Buffer.compare(found.key, key) > 0) throw damaged(this.#offsets)
    if (next !== undefined && Buffer.compare(next.key, key) <= 0) throw damaged(this.#offsets)
    return found
  }

  /** The entry at a place in the order of the keys. */
  at(index: number): Entry {
    const { start, middle, end } = this.#boundsOf(index)
    const bytes = this.#source.read(start, end - start)
    const sum = bytes.length - SUM
    const key = bytes.subarray(0, middle - start)
    const value = bytes.subarray(middle - start, sum)
    const entry = { index, key, value }
    const expected = checksumOf({ number: this.#number, count: this.count }, entry)
    if (bytes.readUInt32LE(sum) !== expected) throw damaged(start)
    return entry
  }

  /** All entries in the order of the keys. */
  *[Symbol.iterator](): Generator<Entry> {
    for (let index = 0; index < this.count; index++) yield this.at(index)
  }

  #keyAt(index: number): Buffer {
    const { start, middle } = this.#boundsOf(index)
    return this.#source.read(start, middle - start)
  }

  #boundsOf(index: number) {
    const place = this.#offsets + 8 * index
    if (index < 0 || index >= this.count) throw damaged(place)
    const bytes = this.#source.read(place, 12)
    const [start, middle, end] = [0, 4, 8].map(at => this.#data + bytes.readUInt32LE(at)) as Bounds
    const isOrdered = start <= middle && middle + SUM <= end && end <= this.end
    if (!isOrdered || end - start > RECORD_LIMIT + SUM) throw damaged(place)
    return { start, middle, end }
  }
}

type Bounds = [number, number, number]

function damaged(offset: number): FormatError {
  return new FormatError('book', 'its tables are not whole', `offset ${offset}`)
}
