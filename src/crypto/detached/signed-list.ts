/** Lists of checksums in one piece with their signature: OpenPGP's signed texts, and what `signify -S -e` writes. */
import { parseChecksumList } from '../../formats/checksum-list.ts'
import { looksLikeCleartext, parseCleartext } from '../../formats/openpgp/cleartext.ts'
import { looksLikeSignify, splitSignifyFile } from '../../formats/signify.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { DetachedKind, SignatureUse } from './kind.ts'
import { OPENPGP } from './openpgp.ts'
import { SIGNIFY } from './signify.ts'

/** Bytes that a list with its signature may have. */
export const SIGNED_LIST_LIMIT = 4 * 1024 * 1024

export interface SignedList {
  readonly kind: DetachedKind
  /** The list as it is to be read. */
  readonly text: Uint8Array
  /** The bytes that the signature is over. */
  readonly signed: Uint8Array
  /** The signature, as if it stood in a file of its own. */
  readonly signature: Uint8Array
  readonly use: SignatureUse
}

/** Whether a file holds a text and its signature, rather than a signature or a list alone. */
export function isInOnePiece(file: Uint8Array): boolean {
  return looksLikeCleartext(file) || signifyList(file) !== undefined
}

/** Takes such a file apart; undefined if it is none. Throws FormatError. */
export function readSignedList(file: Uint8Array): SignedList | undefined {
  if (!looksLikeCleartext(file)) return signifyList(file)
  const { text, signed, signature } = parseCleartext(file)
  return { kind: OPENPGP, text: Buffer.from(text, 'utf8'), signed, signature, use: 'text' }
}

/** Whatever else has a message in it is a detached signature with something after its end. */
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
