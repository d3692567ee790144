/** Signed states of the decision log as they lie in files: notes that name the log and its size. */
import { noteVerdict } from '../crypto/note-signature.ts'
import { type Checkpoint, parseCheckpoint } from '../formats/tlog/checkpoint.ts'
import { NOTE_ED25519, type Note, noteKey, parseNote } from '../formats/tlog/note.ts'

/** A checkpoint that was read, and the file that it came from. */
export interface KeptCheckpoint {
  readonly from: string
  readonly note: Note
  readonly checkpoint: Checkpoint
}

/** Bytes of a signed state. Room for cosignatures of kinds with long signatures. */
export const CHECKPOINT_LIMIT = 65_536
const ORIGIN = 'nixsig.decisions/'

/** The name of a log in its checkpoints, and of the key that signs them. */
export function originOf(log: string): string {
  return `${ORIGIN}${log}`
}

/** Whether this key, 32 raw bytes, signed a checkpoint of the log that it names: see noteVerdict. */
export function isSignedBy({ note, checkpoint }: KeptCheckpoint, publicKey: Uint8Array): boolean {
  return noteVerdict(note, noteKey(checkpoint.origin, NOTE_ED25519, publicKey)).kind === 'signed'
}

/** A checkpoint of a decision log. Throws FormatError. */
export function parseKept(bytes: Uint8Array, from: string): KeptCheckpoint {
  const note = parseNote(bytes)
  return { from, note, checkpoint: parseCheckpoint(note.text) }
}
