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
  known: Set<string>,
  bytes: Buffer,
  start: number,
): Whole<PathInfo> | undefined {
  const from = openCursor(bytes, start)
  if (from.number() !== LAST_FRAME || from.number() !== 1) return undefined
  const isPath = (text: string | undefined): text is string => {
    if (text === undefined) return false
    if (known.has(text)) return true
    if (!isStorePath(text)) return false
    known.add(text)
    return true
  }
  const deriver = from.text()
  const narHash = from.text()
  const count = from.number()
  if (deriver === undefined || narHash === undefined || !/^[0-9a-f]{64}$/.test(narHash)) return undefined
  if ((deriver !== '' && !isPath(deriver)) || count === undefined || count > MAX_LIST) return undefined
  const references: string[] = []
  for (let index = 0; index < count; index++) {
    const reference = from.text()
    if (!isPath(reference)) return undefined
    references.push(reference)
  }
  const [registrationTime, narSize, ultimate] = [from.number(), from.number(), from.number()]
  if (registrationTime === undefined || narSize === undefined) return undefined
  if (ultimate === undefined || ultimate > 1) return undefined
  const signatures = from.signatures()
  const ca = from.text()
  if (signatures === undefined || ca === undefined) return undefined
  const { kept, crowdedOut } = signatures
  return {
    value: {
      path,
      ...(deriver === '' ? {} : { deriver }),
      narHash,
      references,
      registrationTime,
      narSize,
      ultimate: ultimate === 1,
      signatures: kept,
      ...(crowdedOut === 0 ? {} : { crowdedOut }),
      ...(ca === '' ? {} : { ca }),
    },
    end: from.at(),
  }
}

/** What is read field by field; undefined: not there, or not of the usual form. */
function openCursor(bytes: Buffer, start: number) {
  const { length } = bytes
  let at = start
  const number = (): number | undefined => {
    if (at + 8 > length) return undefined
    const value = bytes.readUInt32LE(at)
    // Nothing here has 4 GiB or as many items but a size, which need not be read fast.
    if (bytes.readUInt32LE(at + 4) !== 0) return undefined
    at += 8
    return value
  }
  /** Skips a string, and returns where it began; undefined if it is too long or not padded by zeros. */
  const skip = (size: number): number | undefined => {
    const begin = at
    const end = at + size + padding(size)
    if (end > length) return undefined
    for (let place = at + size; place < end; place++) if (bytes[place] !== 0) return undefined
    at = end
    return begin
  }
  return {
    at: () => at,
    number,
    text(): string | undefined {
      const size = number()
      if (size === undefined || size > MAX_STRING) return undefined
      if (size === 0) return ''
      const begin = skip(size)
      if (begin === undefined) return undefined
      const text = bytes.toString('latin1', begin, begin + size)
      return ASCII.test(text) ? text : undefined
    },
    signatures() {
      const count = number()
      if (count === undefined || count > FEW) return undefined
      const collection = collectSignatures(new Set())
      for (let index = 0; index < count; index++) {
        const size = number()
        if (size === undefined || size > SIGNATURES.longest) return undefined
        // The reader of each field passes over its padding, whatever that is.
        const begin = skip(size)
        if (begin === undefined) return undefined
        collection.add(bytes, begin, size)
      }
      return collection.result()
    },
  }
}

/** More signatures than this are read in bulk. */
const FEW = 64
const ASCII = /^[\x20-\x7e]*$/
