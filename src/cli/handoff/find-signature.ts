import { SIGNED_LIST_LIMIT, type SignatureKind, signatureKind } from '../../crypto/detached/verify.ts'
import { FileError } from '../../files/regular-file.ts'
import { CHECKSUM_LIST_LIMIT } from '../../formats/checksum-list.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { clearSignedLists, listsBeside, signaturesBeside } from './conventions.ts'
import { download } from './download.ts'

const TIME_LIMIT = 30_000

/** A developer's signature that was found. Nothing of it is verified yet. */
export interface FoundSignature {
  /** Where: a URL or a file. */
  readonly origin: string
  readonly kind: SignatureKind
  readonly signature: Uint8Array
  /** The list of checksums that it is over, where it is over one beside it. */
  readonly checksums?: Uint8Array
  /** How that list calls the file, where it is not as one would think. */
  readonly fileName?: string
}

/** What a look-up found, and what it stumbled over, in words. */
export interface Findings {
  readonly found: readonly FoundSignature[]
  readonly notes: readonly string[]
}

/**
 * The signature at one place that somebody named. Throws FileError if it is not there and FormatError if it is none.
 * `list`: that of the list of checksums which it is over.
 */
export async function signatureAt(url: string, list?: string): Promise<FoundSignature> {
  const bytes = await mustBeThere(url, SIGNED_LIST_LIMIT)
  const found = { origin: url, kind: signatureKind(bytes), signature: bytes }
  return list === undefined ? found : { ...found, checksums: await mustBeThere(list, CHECKSUM_LIST_LIMIT) }
}

/**
 * Looks beside the URLs of a file where developers put signatures: those of the file first, then of lists of checksums.
 * The first URL that has any is the last one that is asked.
 */
export async function findBeside(urls: readonly string[]): Promise<Findings> {
  const notes: string[] = []
  for (const url of urls) {
    try {
      const found = await findBesideOne(url, notes)
      if (found.length > 0) return { found, notes }
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      notes.push(error.message)
    }
  }
  return { found: [], notes }
}

async function findBesideOne(url: string, notes: string[]): Promise<readonly FoundSignature[]> {
  const direct = await signaturesAmong(signaturesBeside(url), notes)
  if (direct.length > 0) return direct
  const clear = await signaturesAmong(clearSignedLists(url), notes)
  if (clear.length > 0) return clear
  for (const { list, signatures } of listsBeside(url)) {
    const checksums = await download(list, { bytes: CHECKSUM_LIST_LIMIT, time: TIME_LIMIT })
    if (checksums === undefined) continue
    const found = await signaturesAmong(signatures, notes)
    if (found.length > 0) return found.map(signature => ({ ...signature, checksums }))
  }
  return []
}

/** Servers answer with a page where they have no file: what does not read as a signature is none. */
async function signaturesAmong(urls: readonly string[], notes: string[]): Promise<readonly FoundSignature[]> {
  const found: FoundSignature[] = []
  for (const url of urls) {
    const bytes = await download(url, { bytes: SIGNED_LIST_LIMIT, time: TIME_LIMIT })
    if (bytes === undefined) continue
    try {
      found.push({ origin: url, kind: signatureKind(bytes), signature: bytes })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      notes.push(`${printable(url)} is not a signature: ${error.message}`)
    }
  }
  return found
}

async function mustBeThere(url: string, limit: number): Promise<Buffer> {
  const bytes = await download(url, { bytes: limit, time: TIME_LIMIT })
  if (bytes === undefined) throw new FileError(`there is no ${printable(url)}`)
  return bytes
}
