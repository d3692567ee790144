/** Makes new inputs from old ones by changing bytes. */
import type { Random } from './random.ts'

/**
 * The most bytes of a usual input, and of the rare large one, which reaches the limits of most
 * formats.
 */
const SIZE_LIMIT = 64 * 1024
const LARGE_LIMIT = 1200 * 1024
const LARGE_EVERY = 500
/** The most changes to one input. */
const CHANGE_LIMIT = 8

/** The material for changes. */
export interface Material {
  readonly random: Random
  /** Other inputs of the same kind; at least one. */
  readonly corpus: readonly Uint8Array[]
  /** Tokens of the format; at least one. */
  readonly tokens: readonly string[]
}

type Change = (bytes: Buffer, material: Material) => Buffer

/** An input of the corpus with one to eight changes; occasionally inflated to about a megabyte. */
export function mutate(material: Material): Uint8Array {
  const { random, corpus } = material
  let bytes: Buffer = Buffer.from(random.pick(corpus))
  const count = 1 + Math.min(random.below(CHANGE_LIMIT), random.below(CHANGE_LIMIT))
  for (let made = 0; made < count; made++) bytes = random.pick(CHANGES)(bytes, material)
  if (random.oneIn(LARGE_EVERY)) return inflate(bytes, random)
  return bytes.subarray(0, SIZE_LIMIT)
}

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  insertBytes,
  insertToken,
  insertToken,
  overwriteWithToken,
  remove,
  remove,
  repeat,
  move,
  splice,
  cutOff,
  setNumber,
  setBinaryNumber,
]

/** Bytes with a meaning in some format, used besides random ones. */
const BYTES = Buffer.from('\0\x01\x1b\x7f\x80\xc0\xff\t\n\r "\'#%&()*+,-./09:;<=>?@AZ[\\]_az{|}~', 'latin1')

/**
 * Numbers at which arithmetic goes wrong, and those just too large for a byte, 32 bits, a double's
 * integers and 64 bits.
 */
const NUMBERS: readonly bigint[] = [
  0n,
  1n,
  7n,
  8n,
  127n,
  128n,
  191n,
  192n,
  223n,
  224n,
  255n,
  256n,
  65_535n,
  65_536n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x1fffffffffffffn,
  0x20000000000000n,
  0x7fffffffffffffffn,
  0xffffffffffffffffn,
]

function flipBit(bytes: Buffer, { random }: Material): Buffer {
  const at = random.below(bytes.length)
  if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  return bytes
}

function setByte(bytes: Buffer, { random }: Material): Buffer {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = someByte(random)
  return bytes
}

function insertBytes(bytes: Buffer, { random }: Material): Buffer {
  const inserted = Buffer.alloc(1 + random.below(random.oneIn(8) ? 300 : 4))
  for (const index of inserted.keys()) inserted[index] = someByte(random)
  return insert(bytes, inserted, random)
}

function insertToken(bytes: Buffer, { random, tokens }: Material): Buffer {
  return insert(bytes, Buffer.from(random.pick(tokens), 'utf8'), random)
}

function overwriteWithToken(bytes: Buffer, { random, tokens }: Material): Buffer {
  return put(bytes, Buffer.from(random.pick(tokens), 'utf8'), random)
}

function remove(bytes: Buffer, { random }: Material): Buffer {
  const [start, end] = range(bytes, random)
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
}

function repeat(bytes: Buffer, { random }: Material): Buffer {
  const [start, end] = range(bytes, random)
  const times = 2 + random.below(random.oneIn(10) ? 2000 : 4)
  return Buffer.concat([
    bytes.subarray(0, start),
    repeated(bytes.subarray(start, end), times),
    bytes.subarray(end),
  ])
}

function move(bytes: Buffer, { random }: Material): Buffer {
  const [start, end] = range(bytes, random)
  const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  return insert(rest, bytes.subarray(start, end), random)
}

/** The start of one input and the end of another. */
function splice(bytes: Buffer, { random, corpus }: Material): Buffer {
  const other = random.pick(corpus)
  return Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ])
}

function cutOff(bytes: Buffer, { random }: Material): Buffer {
  return bytes.subarray(0, random.below(bytes.length + 1))
}

/** Replaces a number written in digits. */
function setNumber(bytes: Buffer, { random }: Material): Buffer {
  const text = bytes.toString('latin1')
  const numbers = [...text.matchAll(/\d+/g)].slice(0, 200)
  if (numbers.length === 0) return bytes
  const { index = 0, 0: digits } = random.pick(numbers)
  const written = `${random.oneIn(6) ? '-' : ''}${random.pick(NUMBERS)}`
  return Buffer.from(text.slice(0, index) + written + text.slice(index + digits.length), 'latin1')
}

/** Replaces a binary number of one, two, four or eight bytes, in either byte order. */
function setBinaryNumber(bytes: Buffer, { random }: Material): Buffer {
  const number = Buffer.alloc(8)
  number.writeBigUInt64LE(random.pick(NUMBERS))
  const part = number.subarray(0, random.pick([1, 2, 4, 8]))
  return put(bytes, random.oneIn(2) ? part : part.reverse(), random)
}

/** Repeats a part, usually a short one, until the input is close to a megabyte. */
function inflate(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, start + 1 + random.below(random.oneIn(2) ? 4 : 400))
  const size = SIZE_LIMIT + random.below(LARGE_LIMIT - SIZE_LIMIT)
  const part = bytes.subarray(start, end)
  if (part.length === 0) return bytes
  return Buffer.concat([bytes, repeated(part, Math.ceil(size / part.length)), bytes.subarray(end)])
}

/** A part of the bytes: usually a few, sometimes any number. */
function range(bytes: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(bytes.length + 1)
  const most = bytes.length - start
  const length = random.below((random.oneIn(3) ? most : Math.min(most, 12)) + 1)
  return [start, start + length]
}

function insert(bytes: Buffer, inserted: Uint8Array, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
}

function put(bytes: Buffer, part: Uint8Array, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + part.length)])
}

function repeated(part: Buffer, times: number): Buffer {
  return Buffer.alloc(Math.min(part.length * times, LARGE_LIMIT), part)
}

function someByte(random: Random): number {
  return random.oneIn(2) ? random.below(256) : random.pick([...BYTES])
}
