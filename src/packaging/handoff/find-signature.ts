import { SIGNED_LIST_LIMIT, type SignatureKind, signatureKind } from '../../crypto/detached/verify.ts'
import { FileError } from '../../files/regular-file.ts'
import { CHECKSUM_LIST_LIMIT } from '../../formats/checksum-list.ts'
import { UnusableAnswerError } from '../../http/download.ts'
import { shownUrl } from '../../http/shown-url.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { clearSignedLists, listsBeside, signaturesBeside } from './conventions.ts'
import { type Downloads, serverOf } from './downloads.ts'

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
  /** The addresses beside the file that were asked, as they are: they may have passwords. */
  readonly asked: readonly string[]
}

/**
 * The signature at one place that somebody named. Throws FileError if it is not there and
 * FormatError if it is not a signature. `list`: that of the list of checksums which it is over.
 */
export async function signatureAt(
  url: string,
  list: string | undefined,
  downloads: Downloads,
): Promise<FoundSignature> {
  const bytes = await mustBeThere(url, SIGNED_LIST_LIMIT, downloads)
  const found = { origin: url, kind: signatureKind(bytes), signature: bytes }
  if (list === undefined) return found
  return { ...found, checksums: await mustBeThere(list, CHECKSUM_LIST_LIMIT, downloads) }
}

/**
 * Looks beside the URLs of a file where developers put signatures: those of the file first, then of
 * lists of checksums. The first URL that has any is the last one that is asked. What was found
 * counts, whatever the server does afterwards.
 */
export async function findBeside(urls: readonly string[], downloads: Downloads): Promise<Findings> {
  const search: Search = { notes: [], asked: [], downloads, unasked: new Set() }
  for (const url of urls) {
    const found = await findBesideOne(url, search)
    if (found.length > 0) return { notes: search.notes, asked: search.asked, found }
  }
  return { notes: search.notes, asked: search.asked, found: [] }
}

/** What is asked for one source. */
interface Search {
  readonly notes: string[]
  readonly asked: string[]
  readonly downloads: Downloads
  /** Servers of which was said already that they are asked no more. */
  readonly unasked: Set<string>
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

/**
 * A file that may be there; undefined, and a note, where that cannot be told. A server that does
 * not answer is asked no more.
 */
async function askFor(url: string, bytes: number, search: Search): Promise<Buffer | undefined> {
  const { downloads, notes, asked, unasked } = search
  if (downloads.isSilent(url)) {
    const server = serverOf(url)
    const name = printable(new URL(url).host || server, 260)
    if (!unasked.has(server)) notes.push(`${name} did not answer before, and was not asked`)
    unasked.add(server)
    return undefined
  }
  asked.push(url)
  try {
    return await downloads.bytes(url, { ...PATIENCE, bytes })
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    notes.push(error.message)
    if (error instanceof UnusableAnswerError) return undefined
    downloads.silent(url)
    unasked.add(serverOf(url))
    return undefined
  }
}

async function mustBeThere(url: string, limit: number, downloads: Downloads): Promise<Buffer> {
  const bytes = await downloads.bytes(url, { ...PATIENCE, bytes: limit })
  if (bytes === undefined) throw new FileError(`there is no ${shownUrl(url)}`)
  return bytes
}
