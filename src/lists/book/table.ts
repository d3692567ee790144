/**
 * A sorted map from bytes to bytes in one piece of memory, in which a look-up reads a few numbers:
 *
 *     count                      32 bits, little-endian like all numbers here
 *     size of the data           32 bits
 *     2 * count + 1 offsets      32 bits each, into the data: of each key and each value, and the end
 *     data                       key, value, key, value …; keys in the order of their bytes
 */
import { FormatError } from '../../primitives/format-error.ts'

/** Writes a table. Keys are unique. */
export function tableOf(entries: Iterable<readonly [key: Buffer, value: Buffer]>): Buffer {
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(a, b))
  const data = sorted.flat()
  const head = Buffer.alloc(8 + 4 * (data.length + 1))
  let end = 0
  for (const [index, part] of data.entries()) {
    head.writeUInt32LE(end, 8 + 4 * index)
    end += part.length
  }
  head.writeUInt32LE(end, 8 + 4 * data.length)
  head.writeUInt32LE(sorted.length, 0)
  head.writeUInt32LE(end, 4)
  return Buffer.concat([head, ...data])
}

/** A table in memory. Methods throw FormatError where its numbers contradict each other. */
export class Table {
  readonly count: number
  /** Where it ends in the bytes that it was read from. */
  readonly end: number
  readonly #bytes: Buffer
  readonly #offsets: number
  readonly #data: number

  /** Reads the table that begins at this offset. Throws FormatError if it is not whole. */
  constructor(bytes: Buffer, start: number) {
    if (start + 12 > bytes.length) throw damaged(start)
    this.count = bytes.readUInt32LE(start)
    this.#bytes = bytes
    this.#offsets = start + 8
    this.#data = this.#offsets + 4 * (2 * this.count + 1)
    this.end = this.#data + bytes.readUInt32LE(start + 4)
    if (this.end > bytes.length) throw damaged(start)
  }

  get(key: Buffer): Buffer | undefined {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      const order = Buffer.compare(this.#part(2 * middle), key)
      if (order === 0) return this.at(middle)
      if (order < 0) low = middle + 1
      else high = middle
    }
    return undefined
  }

  /** The value at a position in the order of the keys. */
  at(index: number): Buffer {
    if (index >= this.count) throw damaged(this.#offsets)
    return this.#part(2 * index + 1)
  }

  /** The key at a position in their order. */
  keyAt(index: number): Buffer {
    if (index >= this.count) throw damaged(this.#offsets)
    return this.#part(2 * index)
  }

  #part(index: number): Buffer {
    const start = this.#data + this.#bytes.readUInt32LE(this.#offsets + 4 * index)
    const end = this.#data + this.#bytes.readUInt32LE(this.#offsets + 4 * (index + 1))
    if (start > end || end > this.end) throw damaged(this.#offsets + 4 * index)
    return this.#bytes.subarray(start, end)
  }
}

function damaged(offset: number): FormatError {
  return new FormatError('book', 'its tables are not whole', `offset ${offset}`)
}
