import { basename } from 'node:path'
import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { DetachedKind, DetachedResult, SignatureKind, SignatureUse } from './kind.ts'
import { MINISIGN } from './minisign.ts'
import { type OpenedFile, withOpenedFile } from './opened-file.ts'
import { OPENPGP } from './openpgp.ts'
import { isInOnePiece, readSignedList, type SignedList } from './signed-list.ts'
import { SIGNIFY } from './signify.ts'
import { SIGSTORE } from './sigstore.ts'
import { SSHSIG } from './sshsig.ts'
import { verifyFile } from './verify-file.ts'

export type { DetachedOutcome, DetachedResult, SignatureKind, SignatureUse } from './kind.ts'
export { isInOnePiece, SIGNED_LIST_LIMIT } from './signed-list.ts'

/** Bytes that a signature file may have. */
export const SIGNATURE_FILE_LIMIT = 256 * 1024

/** All kinds; the first that recognises a signature file is the one it is judged as. */
const KINDS: readonly DetachedKind[] = [MINISIGN, SIGNIFY, SSHSIG, SIGSTORE, OPENPGP]

/** The kind of this name, if there is one. */
export function kindNamed(name: string): DetachedKind | undefined {
  return KINDS.find(({ kind }) => kind === name)
}

export interface DetachedQuestion {
  readonly file: string
  /** The contents of the signature file, whose kind is told by those contents and not by its name. */
  readonly signature: Uint8Array
  readonly keys: readonly Key[]
  /** The list of checksums that the signature is over, where it is over one that lies beside it. */
  readonly checksums?: Uint8Array
  /** How a list may call the file; by default as the file is called. */
  readonly fileNames?: readonly string[]
  /** `file` unless told. */
  readonly use?: SignatureUse
}

/**
 * Tries all keys of its kind on a detached signature; one result for each, more where it made several signatures in
 * the file, none if no key is of that kind. What they come to, severity.ts says. What is signed is the file itself
 * or, where it is compressed, its contents; or a list of checksums that names it, beside the signature or in one
 * piece with it (OpenPGP's signed texts, `signify -e`). The file is opened once, and all readers get that same file.
 *
 * Throws FormatError if the signature or the list is malformed or of no known kind, and FileError if the file cannot be
 * read or changed meanwhile.
 */
export async function verifyDetached(question: DetachedQuestion): Promise<readonly DetachedResult[]> {
  const { file, signature, use = 'file' } = question
  const { fileNames = [basename(file)] } = question
  const list = signedListOf(question)
  const kind = list?.kind ?? checkedKind(signature)
  const keys = question.keys.filter(key => kind.takes(key))
  return withOpenedFile(file, async opened => {
    if (list !== undefined) {
      const { throughList, withBytesAsFile } = await import('./checksums.ts')
      const results = await withBytesAsFile(list.signed, bytes => tryAll(bytes, { ...list, keys }))
      return throughList(opened, list.text, fileNames, results)
    }
    const results = await tryAll(opened, { kind, signature, keys, use })
    if (use !== 'file' || !results.some(({ outcome }) => outcome === 'bad-signature')) return results
    const { lookInside } = await import('./uncompressed.ts')
    return lookInside(opened, { kind, signature, use, names: fileNames }, results)
  })
}

/**
 * What kind of signature a file holds. Parses all of it, so a malformed one is found even where no key of its kind is
 * known. Throws FormatError.
 */
export function signatureKind(signature: Uint8Array): SignatureKind {
  return checkedKind(signature).kind
}

interface Trial {
  readonly kind: DetachedKind
  readonly signature: Uint8Array
  readonly keys: readonly Key[]
  readonly use: SignatureUse
}

async function tryAll(
  file: OpenedFile,
  { kind, signature, keys, use }: Trial,
): Promise<readonly DetachedResult[]> {
  const results: DetachedResult[] = []
  for (const key of keys) results.push(...(await verifyFile({ kind, signature, use }, file, key)))
  return results
}

/** The list that is signed in place of the file, and by what. Throws FormatError. */
function signedListOf({ signature, checksums, use }: DetachedQuestion): SignedList | undefined {
  if (use === 'git' && (isInOnePiece(signature) || checksums !== undefined)) {
    throw unknownForm('a list of checksums, which says nothing of tags and commits')
  }
  const whole = readSignedList(signature)
  if (checksums === undefined) return whole
  if (whole !== undefined) throw unknownForm('over a text of its own, and not over the list beside it')
  return { kind: checkedKind(signature), text: checksums, signed: checksums, signature, use: 'file' }
}

function checkedKind(signature: Uint8Array): DetachedKind {
  if (signature.length === 0) throw unknownForm('empty')
  const list = readSignedList(signature)
  if (list !== undefined) return list.kind
  if (signature.length > SIGNATURE_FILE_LIMIT) throw unknownForm(`more than ${SIGNATURE_FILE_LIMIT} bytes`)
  const found = KINDS.find(kind => kind.recognises(signature))
  if (found === undefined) throw unknownForm(`none of ${KINDS.map(({ kind }) => kind).join(', ')}`)
  found.check(signature)
  return found
}

function unknownForm(problem: string): FormatError {
  return new FormatError('detached signature', problem, 'the whole file')
}
