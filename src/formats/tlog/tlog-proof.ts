/**
 * Proofs that something stands in a transparency log (c2sp.org/tlog-proof): the place of the entry,
 * the hashes beside its way to the root, and a checkpoint with its signatures. Nothing here is
 * verified.
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { type Checkpoint, parseCheckpoint, parseHash, parseLogNumber } from './checkpoint.ts'
import { PROOF_LIMIT } from './merkle.ts'
import { type Note, parseNote } from './note.ts'

/** A proof as it was read. */
export interface TlogProof {
  /** The place of the entry, from 0. */
  readonly index: number
  /** 32 bytes each, from the leaf's sibling upwards. */
  readonly hashes: readonly Uint8Array[]
  /** What its text says, and who signed it. */
  readonly checkpoint: Checkpoint
  readonly note: Note
}

/** Characters of a proof: room for 16 cosignatures by ML-DSA-44. */
export const TLOG_PROOF_LIMIT = 64 * 1024

const HEAD = 'c2sp.org/tlog-proof@v1'

/**
 * Parses a proof. The line of extra data may be there and is passed over: nobody signed it. Throws
 * FormatError.
 */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > TLOG_PROOF_LIMIT) throw malformed(`longer than ${TLOG_PROOF_LIMIT} characters`, 'length')
  if (!text.startsWith(`${HEAD}\n`)) throw malformed(`does not begin with ${HEAD}`, 'line 1')
  const blank = text.indexOf('\n\n')
  if (blank < 0) throw malformed('no blank line before the checkpoint', 'end')
  const lines = text.slice(HEAD.length + 1, blank).split('\n')
  const extra = lines[0]?.startsWith('extra ') === true ? lines.shift() : undefined
  if (extra !== undefined) fromBase64(extra.slice('extra '.length))
  const first = extra === undefined ? 2 : 3
  const [index = '', ...hashes] = lines
  if (!index.startsWith('index ')) throw malformed('no index', `line ${first}`)
  if (hashes.length > PROOF_LIMIT) throw malformed(`more than ${PROOF_LIMIT} hashes`, `line ${first + 1}`)
  const note = parseNote(Buffer.from(text.slice(blank + 2), 'utf8'))
  return {
    index: parseLogNumber(index.slice('index '.length), `line ${first}`),
    hashes: hashes.map((hash, place) => parseHash(hash, `line ${first + 1 + place}`)),
    checkpoint: parseCheckpoint(note.text),
    note,
  }
}

function malformed(problem: string, where: string): FormatError {
  return new FormatError('tlog-proof', problem, where)
}
