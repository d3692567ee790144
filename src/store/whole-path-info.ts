/**
 * Reads what the store registered about a path in one go, where the usual answer has arrived whole:
 * a step for each field (queries.ts) takes several times as long, and an audit reads thousands.
 */
import { isStorePath } from '../formats/nix/store-path.ts'
import { LAST_FRAME } from './frames.ts'
import type { PathInfo } from './path-info.ts'
import { collectSignatures, SIGNATURES } from './signatures.ts'
import { MAX_LIST, MAX_STRING, padding } from './wire.ts'

/** An answer, and where in the bytes it ends. */
export interface Whole<T> {
  readonly value: T
  readonly end: number
}

/**
 * The answer about a path that begins at this place of the bytes. Undefined if it is not there
 * whole, or is anything but what a store says about a valid path: the reader of each field then has
 * to read it, which gives the same where both can. `known`: paths that were found well-formed.
 */
export function wholePathInfo(
  path: string,
  known: KnownPaths,
  bytes: Buffer,
  start: number,
): Whole<PathInfo> | undefined {
  const from = new Cursor(bytes, start)
  if (from.number() !== LAST_FRAME || from.number() !== 1) return undefined
  const deriver = from.text()
  const narHash = from.text()
  const count = from.number()
  if (deriver === undefined || narHash === undefined || !NAR_HASH.test(narHash)) return undefined
  if ((deriver !== '' && known.of(deriver) === undefined) || count > MAX_LIST) return undefined
  const references: string[] = []
  for (let index = 0; index < count; index++) {
    const reference = known.of(from.text())
    if (reference === undefined) return undefined
    references.push(reference)
  }
  const [registrationTime, narSize, ultimate] = [from.number(), from.number(), from.number()]
  if (ultimate > 1) return undefined
  const signatures = from.signatures()
  const ca = from.text()
  if (signatures === undefined || ca === undefined || !ASCII.test(ca) || from.isLost) return undefined
  const { kept, crowdedOut } = signatures
  const value = {
    path,
    narHash,
    references,
    registrationTime,
    narSize,
    ultimate: ultimate === 1,
    signatures: kept,
  }
  // Most have none of these, and to copy an object takes as long as to read it.
  const rest =
    deriver === '' && crowdedOut === 0 && ca === ''
      ? undefined
      : {
          ...(deriver === '' ? {} : { deriver }),
          ...(crowdedOut === 0 ? {} : { crowdedOut }),
          ...(ca === '' ? {} : { ca }),
        }
  return { value: rest === undefined ? value : { ...value, ...rest }, end: from.at }
}

/** The next paths of a list, at most so many, as far as they have arrived whole and well-formed. */
export function wholePaths(bytes: Uint8Array, most: number): Whole<readonly string[]> {
  const from = new Cursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)
  const paths: string[] = []
  let end = 0
  while (paths.length < most) {
    const path = from.text()
    if (path === undefined || !isStorePath(path)) break
    paths.push(path)
    end = from.at
  }
  return { value: paths, end }
}

/** Paths that were met, each as one text: most are referred to many times. */
export interface KnownPaths {
  /** The same path; undefined if it is not a store path. */
  of(text: string | undefined): string | undefined
}

/** So many are remembered; then it begins anew. */
const KNOWN_LIMIT = 100_000

/** Begins with none. */
export function openKnownPaths(): KnownPaths {
  const known = new Map<string, string>()
  return {
    of(text) {
      if (text === undefined) return undefined
      const same = known.get(text)
      if (same !== undefined) return same
      if (!isStorePath(text)) return undefined
      if (known.size >= KNOWN_LIMIT) known.clear()
      known.set(text, text)
      return text
    },
  }
}

const NAR_HASH = /^[0-9a-f]{64}$/
/** More signatures than this are read in bulk. */
const FEW = 64
const ASCII = /^[\x20-\x7e]*$/

/** What is read field by field. Once something is not there, or not of the usual form, it is lost. */
class Cursor {
  at: number
  isLost = false
  private readonly bytes: Buffer

  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes
    this.at = start
  }

  /** 0 if it is lost. */
  number(): number {
    const { bytes, at } = this
    // Nothing here has 4 GiB or as many items but a size, which need not be read fast.
    if (this.isLost || at + 8 > bytes.length || high(bytes, at) !== 0) {
      this.isLost = true
      return 0
    }
    this.at = at + 8
    return low(bytes, at)
  }

  /** As Latin-1: what it may be says who takes it. */
  text(): string | undefined {
    const size = this.number()
    if (size === 0) return this.isLost ? undefined : ''
    const begin = size > MAX_STRING ? undefined : this.skip(size)
    return begin === undefined ? undefined : this.bytes.toString('latin1', begin, begin + size)
  }

  signatures() {
    const count = this.number()
    if (count > FEW) return undefined
    if (count === 0) return NO_SIGNATURES
    const collection = collectSignatures(NOBODY)
    for (let index = 0; index < count; index++) {
      const size = this.number()
      // The reader of each field passes over its padding, whatever that is.
      const begin = size > SIGNATURES.longest ? undefined : this.skip(size)
      if (begin === undefined || this.isLost) return undefined
      collection.add(this.bytes, begin, size)
    }
    return collection.result()
  }

  /** Skips a string, and returns where it began; undefined if it is too long or not padded by zeros. */
  private skip(size: number): number | undefined {
    const begin = this.at
    const end = begin + size + padding(size)
    if (end > this.bytes.length) return undefined
    for (let place = begin + size; place < end; place++) if (this.bytes[place] !== 0) return undefined
    this.at = end
    return begin
  }
}

const NOBODY: ReadonlySet<string> = new Set()
const NO_SIGNATURES = { kept: [], crowdedOut: 0 } as const

function low(bytes: Buffer, at: number): number {
  return (
    (bytes[at] ?? 0) +
    (bytes[at + 1] ?? 0) * 0x100 +
    (bytes[at + 2] ?? 0) * 0x10000 +
    (bytes[at + 3] ?? 0) * 0x1000000
  )
}

function high(bytes: Buffer, at: number): number {
  return (bytes[at + 4] ?? 0) | (bytes[at + 5] ?? 0) | (bytes[at + 6] ?? 0) | (bytes[at + 7] ?? 0)
}
