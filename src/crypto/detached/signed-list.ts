/**
 * Checksum lists in one file with their signature: OpenPGP's cleartext messages, and the output of
 * `signify -S -e`.
 */
import { parseChecksumList } from '../../formats/checksum-list.ts'
import { looksLikeCleartext, parseCleartext } from '../../formats/openpgp/cleartext.ts'
import { looksLikeSignify, splitSignifyFile } from '../../formats/signify.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { DetachedKind, SignatureUse } from './kind.ts'
import { OPENPGP } from './openpgp.ts'
import { SIGNIFY } from './signify.ts'

/** Limit on the bytes of a list with its signature. */
export const SIGNED_LIST_LIMIT = 4 * 1024 * 1024

/** A list together with its signature. */
export interface SignedList {
  readonly kind: DetachedKind
  /** The text of the list. */
  readonly text: Uint8Array
  /** The bytes that the signature covers. */
  readonly signed: Uint8Array
  /** The signature, in the form of a detached signature file. */
  readonly signature: Uint8Array
  readonly use: SignatureUse
}

/** Whether a file contains a text together with its signature, rather than only one of the two. */
export function isInOnePiece(file: Uint8Array): boolean {
  return looksLikeCleartext(file) || signifyList(file) !== undefined
}

/** Splits such a file; undefined if it is not one. Throws FormatError. */
export function readSignedList(file: Uint8Array): SignedList | undefined {
  if (!looksLikeCleartext(file)) return signifyList(file)
  const { text, signed, signature } = parseCleartext(file)
  return { kind: OPENPGP, text: Buffer.from(text, 'utf8'), signed, signature, use: 'text' }
}

/**
 * Splits a signify file. Any other message in it is treated as trailing data of a detached
 * signature.
 */
function signifyList(file: Uint8Array): SignedList | undefined {
  if (!looksLikeSignify(file) || file.length > SIGNED_LIST_LIMIT) return undefined
  try {
    const { message } = splitSignifyFile(file)
    if (message.length === 0) return undefined
    parseChecksumList(message)
    const signature = file.subarray(0, file.length - message.length)
    return { kind: SIGNIFY, text: message, signed: message, signature, use: 'file' }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
