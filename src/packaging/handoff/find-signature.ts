import { SIGNED_LIST_LIMIT, type SignatureKind, signatureKind } from '../../crypto/detached/verify.ts'
import { FileError } from '../../files/regular-file.ts'
import { CHECKSUM_LIST_LIMIT } from '../../formats/checksum-list.ts'
import { download, UnusableAnswerError } from '../../http/download.ts'
import { shownUrl } from '../../http/shown-url.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { clearSignedLists, listsBeside, signaturesBeside } from './conventions.ts'

/** Milliseconds for a small file, and to its first byte. */
const PATIENCE = { time: 30_000, silence: 10_000 }

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
 * The signature at one place that somebody named. Throws FileError if it is not there and
 * FormatError if it is not a signature. `list`: that of the list of checksums which it is over.
 */
export async function signatureAt(url: string, list?: string): Promise<FoundSignature> {
  const bytes = await mustBeThere(url, SIGNED_LIST_LIMIT)
  const found = { origin: url, kind: signatureKind(bytes), signature: bytes }
  return list === undefined ? found : { ...found, checksums: await mustBeThere(list, CHECKSUM_LIST_LIMIT) }
}

/**
 * Looks beside the URLs of a file where developers put signatures: those of the file first, then of
 * lists of checksums. The first URL that has any is the last one that is asked. What was found
 * counts, whatever the server does afterwards.
 */
export async function findBeside(urls: readonly string[]): Promise<Findings> {
  const notes: string[] = []
  for (const url of urls) {
    const search = { notes, isOver: false }
    const found = await findBesideOne(url, search)
    if (found.length > 0) return { found, notes }
  }
  return { found: [], notes }
}

/** Asking one server. */
interface Search {
  readonly notes: string[]
  /** It does not answer, so it is asked no more. */
  isOver: boolean
}

async function findBesideOne(url: string, search: Search): Promise<readonly FoundSignature[]> {
  const direct = await signaturesAmong(signaturesBeside(url), search)
  if (direct.length > 0) return direct
  const clear = await signaturesAmong(clearSignedLists(url), search)
  if (clear.length > 0) return clear
  for (const { list, signatures } of listsBeside(url)) {
    const checksums = await askFor(list, CHECKSUM_LIST_LIMIT, search)
    if (checksums === undefined) continue
    const found = await signaturesAmong(signatures, search)
    if (found.length > 0) return found.map(signature => ({ ...signature, checksums }))
  }
  return []
}

/**
 * Servers answer with a page where they have no file: what does not read as a signature is not one.
 */
async function signaturesAmong(urls: readonly string[], search: Search): Promise<readonly FoundSignature[]> {
  const found: FoundSignature[] = []
  for (const url of urls) {
    const bytes = await askFor(url, SIGNED_LIST_LIMIT, search)
    if (bytes === undefined) continue
    try {
      found.push({ origin: url, kind: signatureKind(bytes), signature: bytes })
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      search.notes.push(`${shownUrl(url)} is not a signature: ${error.message}`)
    }
  }
  return found
}

/** A file that may be there; undefined, and a note, where that cannot be told. */
async function askFor(url: string, bytes: number, search: Search): Promise<Buffer | undefined> {
  if (search.isOver) return undefined
  try {
    return await download(url, { ...PATIENCE, bytes })
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    search.notes.push(error.message)
    if (!(error instanceof UnusableAnswerError)) search.isOver = true
    return undefined
  }
}

async function mustBeThere(url: string, limit: number): Promise<Buffer> {
  const bytes = await download(url, { ...PATIENCE, bytes: limit })
  if (bytes === undefined) throw new FileError(`there is no ${shownUrl(url)}`)
  return bytes
}
