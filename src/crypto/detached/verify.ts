import { basename } from 'node:path'
import { otherThanSignature } from '../../formats/not-a-signature.ts'
import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { withRuns } from '../openpgp/runs.ts'
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

/** Limit on the bytes of a signature file. */
export const SIGNATURE_FILE_LIMIT = 256 * 1024

/** All kinds. A signature file is judged as the first kind that recognises it. */
const KINDS: readonly DetachedKind[] = [MINISIGN, SIGNIFY, SSHSIG, SIGSTORE, OPENPGP]

/** The kind with this name; undefined if there is no such kind. */
export function kindNamed(name: string): DetachedKind | undefined {
  return KINDS.find(({ kind }) => kind === name)
}

/** A signature to verify: over which file, and with which keys. */
export interface DetachedQuestion {
  readonly file: string
  /** The contents of the signature file. They determine its kind, its name does not. */
  readonly signature: Uint8Array
  readonly keys: readonly Key[]
  /** The checksum list that the signature is over, if it is over a list in a file of its own. */
  readonly checksums?: Uint8Array
  /** The names that the file may have in a list; by default its own. */
  readonly fileNames?: readonly string[]
  /** `file` by default. */
  readonly use?: SignatureUse
}

/**
 * Tries all keys of its kind on a detached signature. Returns one result for each key, more if it
 * made several signatures in the file, none if no key is of that kind. severity.ts combines them.
 * The signature is over the file itself, over its contents if it is compressed, or over a checksum
 * list that names the file. That list is given separately, or in one file with its signature
 * (OpenPGP's cleartext messages, `signify -e`). The file is opened once, and all readers get that
 * same file.
 *
 * Throws FormatError if the signature or the list is malformed or of an unknown kind, and FileError
 * if the file cannot be read or changed meanwhile.
 */
export async function verifyDetached(question: DetachedQuestion): Promise<readonly DetachedResult[]> {
  const { file, signature, use = 'file' } = question
  const { fileNames = [basename(file)] } = question
  const list = signedListOf(question)
  const kind = list?.kind ?? checkedKind(signature)
  const keys = question.keys.filter(key => kind.takes(key))
  const read = () =>
    withOpenedFile(file, async opened => {
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
  return withRuns(read)
}

/**
 * The kind of signature in a file. Parses all of it, so that a malformed one is found even if no
 * key of its kind is known. Throws FormatError.
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

/**
 * The list that is signed instead of the file, with its signature; undefined if the file itself is
 * signed. Throws FormatError.
 */
function signedListOf({ signature, checksums, use }: DetachedQuestion): SignedList | undefined {
  if (use === 'git' && (isInOnePiece(signature) || checksums !== undefined)) {
    throw unknownForm('a list of checksums, which cannot approve tags and commits')
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
  try {
    if (found === undefined) throw unknownForm(`none of ${KINDS.map(({ kind }) => kind).join(', ')}`)
    found.check(signature)
    return found
  } catch (error) {
    const other = error instanceof FormatError ? otherThanSignature(signature) : undefined
    throw other === undefined
      ? error
      : new FormatError('detached signature', other.what, `next: ${other.next}`)
  }
}

function unknownForm(problem: string): FormatError {
  return new FormatError('detached signature', problem, 'the whole file')
}
