/** Signing and verifying signed notes and checkpoints (c2sp.org/signed-note, tlog-cosignature). */
import { cosignedMessage, parseCosignature, printCosignature } from '../formats/tlog/cosignature.ts'
import {
  NOTE_COSIGNATURE_V1,
  NOTE_ED25519,
  type Note,
  type NoteKey,
  type NoteSignature,
  noteKey,
} from '../formats/tlog/note.ts'
import { FormatError } from '../primitives/format-error.ts'
import { signEd25519, verifyEd25519 } from '../primitives/sodium.ts'

/**
 * What a key says of a note.
 *
 *     signed      it signed the note; a witness at `time`, in seconds since 1970
 *     unsigned    there is no signature by it
 *     wrong       a signature under its name and id does not verify
 *     unknown     nixsig cannot verify signatures of its kind, and looked at none
 */
export type NoteVerdict =
  | { readonly kind: 'signed'; readonly time?: number }
  | { readonly kind: 'unsigned' | 'wrong' | 'unknown' }

/**
 * Whether this key signed this note. Of several signatures under its name and id each must verify;
 * the time is then that of the latest.
 */
export function noteVerdict(note: Note, key: NoteKey): NoteVerdict {
  if (key.type !== NOTE_ED25519 && key.type !== NOTE_COSIGNATURE_V1) return { kind: 'unknown' }
  const own = note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.keyId)
  if (own.length === 0) return { kind: 'unsigned' }
  const times = own.map(({ signature }) => signingTime(note.text, signature, key))
  if (times.includes(undefined)) return { kind: 'wrong' }
  if (key.type === NOTE_ED25519) return { kind: 'signed' }
  return { kind: 'signed', time: Math.max(...times.map(time => time ?? 0)) }
}

/** When the signature was made, 0 if it does not say; undefined if it does not verify. */
function signingTime(text: string, signature: Uint8Array, key: NoteKey): number | undefined {
  if (key.type === NOTE_ED25519) {
    return verifyEd25519(Buffer.from(text), signature, key.publicKey) ? 0 : undefined
  }
  try {
    const { time, signature: ed25519 } = parseCosignature(signature)
    return verifyEd25519(cosignedMessage(time, text), ed25519, key.publicKey) ? time : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** An Ed25519 key that signs notes under a name. */
export interface NoteSigner {
  /** As in NoteKey. */
  readonly name: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes: seed, then public key. */
  readonly secretKey: Uint8Array
}

/** Signs the text of a note, with its last newline. Throws FormatError for a name that no key can have. */
export function signNoteText(text: string, { name, publicKey, secretKey }: NoteSigner): NoteSignature {
  const { keyId } = noteKey(name, NOTE_ED25519, publicKey)
  return { name, keyId, signature: signEd25519(Buffer.from(text), secretKey) }
}

/** Cosigns the text of a checkpoint as a witness does, at a time in seconds since 1970. */
export function cosignCheckpoint(
  text: string,
  { name, publicKey, secretKey }: NoteSigner,
  time: number,
): NoteSignature {
  const { keyId } = noteKey(name, NOTE_COSIGNATURE_V1, publicKey)
  const signature = signEd25519(cosignedMessage(time, text), secretKey)
  return { name, keyId, signature: printCosignature({ time, signature }) }
}
