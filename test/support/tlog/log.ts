// A transparency log and its witnesses, as small as they can be: the log's proofs are made by the
// word of RFC 6962 (reference-tree.ts) and written as C2SP's and Sigsum's tools write them.
import { cosignCheckpoint, type NoteSigner, signNoteText } from '../../../src/crypto/note-signature.ts'
import { printCheckpoint } from '../../../src/formats/tlog/checkpoint.ts'
import { parseCosignature } from '../../../src/formats/tlog/cosignature.ts'
import {
  NOTE_COSIGNATURE_V1,
  NOTE_ED25519,
  noteKey,
  printNote,
  printNoteKey,
} from '../../../src/formats/tlog/note.ts'
import {
  leafMessage,
  sigsumChecksum,
  sigsumKeyHash,
  sigsumOrigin,
} from '../../../src/formats/tlog/sigsum-proof.ts'
import { toBase64 } from '../../../src/primitives/base64.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { ed25519KeyPair, sha256, signEd25519 } from '../../../src/primitives/sodium.ts'
import { referenceInclusion, referenceRoot } from './reference-tree.ts'

const TIME = 1_760_000_000

/** Somebody with a key that follows from the name. */
export function somebody(name: string): NoteSigner {
  return { name, ...ed25519KeyPair(sha256(Buffer.from(name))) }
}

export const LOG = somebody('log.example/main')
export const WITNESSES = ['w1.example', 'w2.example', 'w3.example'].map(somebody)

/** The key of a log, or of a witness, as policies have it. */
export const logKey = ({ name, publicKey }: NoteSigner) =>
  printNoteKey(noteKey(name, NOTE_ED25519, publicKey))
export const witnessKey = ({ name, publicKey }: NoteSigner) =>
  printNoteKey(noteKey(name, NOTE_COSIGNATURE_V1, publicKey))

/** `log` and 2 of the three witnesses `w1`, `w2` and `w3`. */
export function policyOfTwo(log = LOG): string {
  const witnesses = WITNESSES.map((one, index) => `witness w${index + 1} ${witnessKey(one)}\n`).join('')
  return `log ${logKey(log)}\n${witnesses}group two 2 w1 w2 w3\nquorum two\n`
}

/** A tlog-proof of the entry at this index. */
export function tlogProof(
  entries: readonly Uint8Array[],
  index: number,
  by: { readonly log?: NoteSigner; readonly witnesses?: readonly NoteSigner[] } = {},
): string {
  const { log = LOG, witnesses = WITNESSES } = by
  const root = referenceRoot(entries)
  const text = printCheckpoint({ origin: log.name, size: entries.length, root, extensions: [] })
  const signatures = [signNoteText(text, log), ...witnesses.map(one => cosignCheckpoint(text, one, TIME))]
  const hashes = referenceInclusion(index, entries).map(hash => `${toBase64(hash)}\n`)
  const note = Buffer.from(printNote({ text, signatures })).toString()
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${hashes.join('')}\n${note}`
}

/** A proof of Sigsum for a file that was submitted after as many others. */
export function sigsumProof(
  file: Uint8Array,
  submitter: Pick<NoteSigner, 'publicKey' | 'secretKey'>,
  by: {
    readonly log?: NoteSigner
    readonly witnesses?: readonly NoteSigner[]
    readonly others?: number
  } = {},
): string {
  const { log = LOG, witnesses = WITNESSES, others = 4 } = by
  const checksum = sigsumChecksum(file)
  const leafSignature = signEd25519(leafMessage(checksum), submitter.secretKey)
  const leaf = Buffer.concat([checksum, leafSignature, sha256(submitter.publicKey)])
  const entries = [...Array.from({ length: others }, (_, index) => Buffer.alloc(128, index)), leaf]
  const root = referenceRoot(entries)
  const origin = sigsumOrigin(sigsumKeyHash(log.publicKey))
  const text = printCheckpoint({ origin, size: entries.length, root, extensions: [] })
  const cosignatures = witnesses.map(one => {
    const { time, signature } = parseCosignature(cosignCheckpoint(text, one, TIME).signature)
    return `cosignature=${sigsumKeyHash(one.publicKey)} ${time} ${toHex(signature)}\n`
  })
  const inclusion = [
    `\nleaf_index=${others}\n`,
    ...referenceInclusion(others, entries).map(hash => `node_hash=${toHex(hash)}\n`),
  ]
  return [
    'version=2\n',
    `log=${sigsumKeyHash(log.publicKey)}\n`,
    `leaf=${sigsumKeyHash(submitter.publicKey)} ${toHex(leafSignature)}\n\n`,
    `size=${entries.length}\nroot_hash=${toHex(root)}\n`,
    `signature=${toHex(signEd25519(Buffer.from(text), log.secretKey))}\n`,
    ...cosignatures,
    ...(others === 0 ? [] : inclusion),
  ].join('')
}
