/**
 * Signed notes and their keys (c2sp.org/signed-note): a text, a blank line, and one line for each
 * signature. Nothing here is verified.
 */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'

/** Bytes of a note. Room for 16 signatures by ML-DSA-87, which have 4.7 kB each. */
export const NOTE_LIMIT = 256 * 1024
/** Signatures of a note. */
const NOTE_SIGNATURE_LIMIT = 100

/** Kinds of signatures by the byte that stands for them in keys. */
export const NOTE_ED25519 = 0x01
export const NOTE_COSIGNATURE_V1 = 0x04

/** A signature of a note, or one by a witness on a checkpoint. */
export interface NoteSignature {
  /** Of the key; no white space and no `+` in it, at most 255 bytes of UTF-8. */
  readonly name: string
  /** 4 bytes that tell keys of the same name apart, as 8 hex digits. Not a strong hash. */
  readonly keyId: string
  /** What stands behind the key's id: at least one byte. */
  readonly signature: Uint8Array
}

/** A note as it was read. */
export interface Note {
  /** The text that is signed, with its last newline. Its UTF-8 bytes are those of the note. */
  readonly text: string
  /** At least one. Two may be by one key. */
  readonly signatures: readonly NoteSignature[]
}

/**
 * Parses a signed note. Strict: UTF-8 without control characters, a text that ends in a newline, and
 * behind the last blank line at least one signature line and nothing else. Throws FormatError.
 */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > NOTE_LIMIT) throw malformed(`larger than ${NOTE_LIMIT} bytes`, 'size')
  const note = utf8(bytes)
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0) throw malformed('no blank line before the signatures', 'end')
  const text = note.slice(0, blank + 1)
  if (!note.endsWith('\n') || blank + 2 === note.length) throw malformed('no signature at its end', 'end')
  const lines = note.slice(blank + 2, -1).split('\n')
  if (lines.length > NOTE_SIGNATURE_LIMIT) {
    throw malformed(`more than ${NOTE_SIGNATURE_LIMIT} signatures`, 'signatures')
  }
  return { text, signatures: lines.map((line, index) => parseSignatureLine(line, `signature ${index + 1}`)) }
}

/**
 * The bytes of a signed note. Throws FormatError if the text or a name could not be read again.
 */
export function printNote(note: Note): Uint8Array {
  const lines = note.signatures.map(printSignatureLine)
  const bytes = Buffer.from(`${note.text}\n${lines.join('')}`)
  const read = parseNote(bytes)
  if (read.text !== note.text || read.signatures.length !== note.signatures.length) {
    throw malformed('a text that is no text of a note', 'text')
  }
  return bytes
}

/** A signature's line, with its newline. */
export function printSignatureLine({ name, keyId, signature }: NoteSignature): string {
  return `${DASH}${name} ${toBase64(Buffer.concat([Buffer.from(keyId, 'hex'), signature]))}\n`
}

const DASH = '\u2014 '

function parseSignatureLine(line: string, where: string): NoteSignature {
  const parts = line.startsWith(DASH) ? line.slice(DASH.length).split(' ') : []
  const [name = '', base64 = ''] = parts
  if (parts.length !== 2) throw malformed('not "\u2014 NAME SIGNATURE"', where)
  assertKeyName(name, where)
  const bytes = base64Of(base64, where)
  if (bytes.length < KEY_ID_SIZE + 1) throw malformed('a signature of fewer than 5 bytes', where)
  return {
    name,
    keyId: toHex(bytes.subarray(0, KEY_ID_SIZE)),
    signature: bytes.subarray(KEY_ID_SIZE),
  }
}

const KEY_ID_SIZE = 4
const KEY_NAME_LIMIT = 255

/** The key of a log or a witness, with the kind of signatures that it makes. */
export interface NoteKey {
  readonly name: string
  /** 8 hex digits. */
  readonly keyId: string
  /** The first byte of the key: NOTE_ED25519, NOTE_COSIGNATURE_V1, or one that nixsig cannot verify. */
  readonly type: number
  /** The bytes behind the type; 32 for the two that nixsig verifies. */
  readonly publicKey: Uint8Array
}

/**
 * Parses a verifier key, `NAME+KEYID+BASE64`. For the two kinds of Ed25519 its id must be the one
 * that follows from the name and the key; ids of other kinds are taken as they stand. Throws
 * FormatError.
 */
export function parseNoteKey(text: string): NoteKey {
  const match = text.length <= NOTE_KEY_LIMIT ? /^([^+]*)\+([0-9a-f]{8})\+(.+)$/s.exec(text) : null
  if (match === null) throw new FormatError('note key', 'not NAME+KEYID+BASE64', `length ${text.length}`)
  const [, name = '', keyId = '', base64 = ''] = match
  assertKeyName(name, 'key name')
  const bytes = base64Of(base64, 'key')
  const type = bytes[0]
  if (type === undefined || bytes.length < 2) throw new FormatError('note key', 'no key in it', 'key')
  const publicKey = bytes.subarray(1)
  if (isEd25519(type)) {
    if (publicKey.length !== 32) throw new FormatError('note key', 'not an Ed25519 key of 32 bytes', 'key')
    if (noteKeyId(name, type, publicKey) !== keyId) {
      throw new FormatError('note key', 'the id is not the one of this name and key', `id ${keyId}`)
    }
  }
  return { name, keyId, type, publicKey }
}

/** Room for an ML-DSA-87 key of 2,592 bytes. */
const NOTE_KEY_LIMIT = 8192

/** A verifier key as text: `NAME+KEYID+BASE64`. */
export function printNoteKey({ name, keyId, type, publicKey }: NoteKey): string {
  return `${name}+${keyId}+${toBase64(Buffer.concat([Uint8Array.of(type), publicKey]))}`
}

/** The key that makes signatures of this kind under this name. Throws FormatError for the name. */
export function noteKey(name: string, type: number, publicKey: Uint8Array): NoteKey {
  assertKeyName(name, 'key name')
  return { name, type, publicKey, keyId: noteKeyId(name, type, publicKey) }
}

/** Whether signatures of this kind are by Ed25519, in whatever form. */
export function isEd25519(type: number): boolean {
  return type === NOTE_ED25519 || type === NOTE_COSIGNATURE_V1
}

/** The first 4 bytes of the SHA-256 of the name, a newline, the type and the key, as hex. */
function noteKeyId(name: string, type: number, publicKey: Uint8Array): string {
  const hashed = Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(type), publicKey])
  return toHex(sha256(hashed).subarray(0, KEY_ID_SIZE))
}

function assertKeyName(name: string, where: string): void {
  if (name === '' || Buffer.byteLength(name) > KEY_NAME_LIMIT) {
    throw malformed(`a key name of 0 or more than ${KEY_NAME_LIMIT} bytes`, where)
  }
  if (/[\p{White_Space}\p{Cc}\p{Cs}+]/u.test(name)) throw malformed('a key name with white space or +', where)
}

function base64Of(text: string, where: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (error) {
    if (error instanceof FormatError) throw malformed('not standard padded base64', where, error)
    throw error
  }
}

/** The note as text, whose UTF-8 is again the note. */
function utf8(bytes: Uint8Array): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw malformed('not UTF-8', 'text', error)
  }
  if (/[\0-\x09\x0b-\x1f]/.test(text)) throw malformed('a control character', 'text')
  return text
}

function malformed(problem: string, where: string, cause?: unknown): FormatError {
  return new FormatError('signed note', problem, where, cause === undefined ? undefined : { cause })
}
