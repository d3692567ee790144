/**
 * Reads the signatures that a store has of a path. Anybody can add any number of them, of any bytes
 * and lengths, so they are read in bulk, and only some are kept.
 */
import { padding, readNumber, type SkippingReader, wireError } from './wire.ts'

/**
 * Bytes of the longest one that is kept, and how many are kept: of those that have the form of a
 * signature by a listed key's name, of others of that form, and of anything else.
 */
export const SIGNATURES = { longest: 1024, listed: 1024, others: 1024, strange: 64 } as const

/** Of a signature in Nix's form, `name:base64`: bytes after the colon, and of the shortest. */
const BASE64 = 88
const SHORTEST = 2 + BASE64
const [COLON, EQUALS] = [0x3a, 0x3d]

/** The signatures that were kept, and how many more have the form of one. */
export interface SomeSignatures {
  /** What is not UTF-8 becomes U+FFFD. Those that name a listed key come first. */
  readonly kept: readonly string[]
  readonly crowdedOut: number
}

/**
 * Reads all signatures of a path and keeps some, those with these names before all others. Nothing
 * that is passed over waits in memory, or counts against the limit of an answer.
 */
export function* readSignatures(
  where: string,
  names: ReadonlySet<string> = new Set(),
): SkippingReader<SomeSignatures> {
  const collection = collectSignatures(names)
  let wanted = 8
  for (let left = yield* readNumber(where); left > 0; ) {
    const seen = yield { peek: wanted }
    const view = new DataView(seen.buffer, seen.byteOffset, seen.byteLength)
    let at = 0
    wanted = 8
    // Without a step for each: a path may have many millions.
    while (left > 0 && seen.length - at >= 8) {
      const length = lengthAt(view, at, where)
      const size = 8 + length + padding(length)
      if (length <= SIGNATURES.longest) {
        if (at + size > seen.length) {
          wanted = size
          break
        }
        collection.add(seen, at + 8, length)
      }
      at += size
      left--
    }
    if (at > 0) yield { skip: at }
  }
  return collection.result()
}

function lengthAt(view: DataView, at: number, where: string): number {
  const length = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32
  if (!Number.isSafeInteger(length)) throw wireError('a number past 2^53', where)
  return length
}

/** Collects signatures one by one, those with these names before all others. */
export function collectSignatures(names: ReadonlySet<string>) {
  const [listed, others, strange]: [string[], string[], string[]] = [[], [], []]
  let crowdedOut = 0
  const text = (bytes: Uint8Array, start: number, length: number) =>
    asBuffer(bytes).toString('utf8', start, start + length)
  return {
    add(bytes: Uint8Array, start: number, length: number): void {
      if (!hasForm(bytes, start, length)) {
        if (length > 0 && strange.length < SIGNATURES.strange) strange.push(text(bytes, start, length))
        return
      }
      const isListed = names.size > 0 && names.has(text(bytes, start, length - BASE64 - 1))
      const [kept, room] = isListed ? [listed, SIGNATURES.listed] : [others, SIGNATURES.others]
      if (kept.length < room) kept.push(text(bytes, start, length))
      else crowdedOut++
    },
    result: (): SomeSignatures => ({
      // Most have no others, and are not copied.
      kept: listed.length + strange.length === 0 ? others : [...listed, ...others, ...strange],
      crowdedOut,
    }),
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether bytes may be a signature in Nix's form, as far as can be told without decoding them. */
function hasForm(bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length
  if (length < SHORTEST || bytes[end - BASE64 - 1] !== COLON) return false
  return bytes[end - 1] === EQUALS && bytes[end - 2] === EQUALS
}
