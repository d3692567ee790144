/**
 * Whether an envelope is proven to stand in a transparency log that enough witnesses saw. Loaded only
 * where a policy has quorums and an envelope has proofs. Everything is verified offline.
 */

import { type Envelope, loggedEntry } from '../formats/in-toto/dsse.ts'
import { printCheckpoint } from '../formats/tlog/checkpoint.ts'
import { cosignedMessage } from '../formats/tlog/cosignature.ts'
import { includes, leafHash } from '../formats/tlog/merkle.ts'
import {
  leafMessage,
  looksLikeSigsumProof,
  parseSigsumProof,
  type SigsumProof,
  sigsumChecksum,
  sigsumKeyHash,
  sigsumLeaf,
} from '../formats/tlog/sigsum-proof.ts'
import { isMet, type TlogPolicy, witnessesOf } from '../formats/tlog/tlog-policy.ts'
import { parseTlogProof, TLOG_PROOF_LIMIT, type TlogProof } from '../formats/tlog/tlog-proof.ts'
import type { LogQuorum, LogStanding } from '../policy/log-quorums.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'
import type { EnvelopeKey } from './envelope-keys.ts'
import { noteVerdict } from './note-signature.ts'
import { loggedTrace } from './trace.ts'
import { hashingCost, parsingCost, UNLIMITED, type Work } from './work.ts'

/**
 * How far the proofs of an envelope go for one of its signers, for each quorum. The best of its
 * proofs decides. Rejects with WorkLimitError at the limit of `work`.
 */
export async function logStandings(
  envelope: Envelope,
  signer: EnvelopeKey,
  { quorums, work = UNLIMITED }: { readonly quorums: readonly LogQuorum[]; readonly work?: Work },
): Promise<readonly LogStanding[]> {
  const entry = loggedEntry(envelope)
  const standings: LogStanding[] = []
  for (const { name, policy } of quorums) {
    let best: ProofVerdict | undefined
    for (const proof of envelope.logged ?? []) {
      await work.spend(hashingCost(entry.length) + proofCost(proof))
      best = better(best, proofVerdict(proof, { entry, signer: rawKeyOf(signer), policy }))
    }
    if (best !== undefined) standings.push({ quorum: name, ...best })
  }
  return standings
}

/**
 * The most that a proof makes anybody do, in the units of Work: each of its signatures may have to be
 * verified, also several by one key, and each hashes the checkpoint.
 */
function proofCost(proof: string): number {
  if (proof.length > TLOG_PROOF_LIMIT) return 1
  const lines = proof.match(/\n(?:\u2014 |cosignature=|signature=|leaf=)/g)?.length ?? 0
  return parsingCost(proof) + lines * (1 + hashingCost(proof.length))
}

/** The trace of a signature that says for which quorums it was proven to be logged. */
export function provenTrace(
  trace: string,
  logging: readonly LogStanding[],
  quorums: readonly LogQuorum[],
): string {
  const proven = logging.filter(({ outcome }) => outcome === 'proven').map(({ quorum }) => quorum)
  return loggedTrace(
    trace,
    quorums.filter(({ name }) => proven.includes(name)).map(({ policy }) => policy.digest),
  )
}

/** What one proof shows. */
export type ProofVerdict = Omit<LogStanding, 'quorum'>

/** What a proof is held against. */
export interface Logged {
  /** What the log should have. */
  readonly entry: Uint8Array
  /** The raw Ed25519 key that signed it, 32 bytes; undefined for another kind of key. */
  readonly signer: Uint8Array | undefined
  readonly policy: TlogPolicy
}

/**
 * What a proof shows, be it a tlog-proof of C2SP or one of Sigsum. In a tlog-proof the entry itself
 * stands in the log. Sigsum's logs hold its checksum with a signature: only one by the key that
 * signed the entry counts, as its owner finds no other.
 */
export function proofVerdict(text: string, logged: Logged): ProofVerdict {
  try {
    return looksLikeSigsumProof(text)
      ? sigsumVerdict(parseSigsumProof(text), logged)
      : tlogVerdict(parseTlogProof(text), logged)
  } catch (error) {
    if (error instanceof FormatError) return wrong(error.message)
    throw error
  }
}

function tlogVerdict(
  { checkpoint, note, index, hashes }: TlogProof,
  { entry, policy }: Logged,
): ProofVerdict {
  if (!includes(checkpoint, { leaf: leafHash(entry), index, proof: hashes })) return wrong(NOT_IN_TREE)
  return checkpointVerdict({ checkpoint, note }, policy)
}

/**
 * Whether a checkpoint is by one of the logs of a policy, under the name of its origin, and which
 * witnesses of the quorum cosigned it.
 */
export function checkpointVerdict(
  { checkpoint, note }: Pick<TlogProof, 'checkpoint' | 'note'>,
  policy: TlogPolicy,
): ProofVerdict {
  const ofLog = policy.logs
    .flatMap(({ noteKey }) => (noteKey?.name === checkpoint.origin ? [noteKey] : []))
    .map(key => noteVerdict(note, key).kind)
  if (ofLog.includes('wrong')) return wrong(WRONG_LOG_SIGNATURE)
  if (!ofLog.includes('signed'))
    return wrong(`by the log ${printable(checkpoint.origin, 100)}, which is none of the quorum's`)
  const present: string[] = []
  for (const { name, noteKey } of witnessesOf(policy.quorum)) {
    const kind = noteKey === undefined ? 'unsigned' : noteVerdict(note, noteKey).kind
    if (kind === 'wrong')
      return wrong(`a cosignature under the name of ${printable(name, 100)} that does not verify`)
    if (kind === 'signed') present.push(name)
  }
  return counted(policy, present)
}

function sigsumVerdict(proof: SigsumProof, { entry, signer, policy }: Logged): ProofVerdict {
  if (signer === undefined) return wrong('a proof of Sigsum, for a key that is not Ed25519')
  if (sigsumKeyHash(signer) !== proof.submitterKey)
    return wrong('submitted by another key than the one that signed')
  const checksum = sigsumChecksum(entry)
  if (!verifyEd25519(leafMessage(checksum), proof.leafSignature, signer)) return wrong(NOT_IN_TREE)
  const log = policy.logs.find(({ ed25519 }) => ed25519 && sigsumKeyHash(ed25519) === proof.logKey)?.ed25519
  if (log === undefined) return wrong(`by the log ${proof.logKey}, which is none of the quorum's`)
  const { checkpoint, index, hashes, cosignatures } = proof
  const text = printCheckpoint(checkpoint)
  if (!verifyEd25519(Buffer.from(text), proof.treeSignature, log)) return wrong(WRONG_LOG_SIGNATURE)
  const leaf = leafHash(sigsumLeaf(checksum, proof))
  if (!includes(checkpoint, { leaf, index, proof: hashes })) return wrong(NOT_IN_TREE)
  // Sigsum's own tools pass over a cosignature that does not verify.
  const present = witnessesOf(policy.quorum).filter(({ ed25519 }) => {
    const cosignature = ed25519 && cosignatures.get(sigsumKeyHash(ed25519))
    if (ed25519 === undefined || cosignature === undefined) return false
    return verifyEd25519(cosignedMessage(cosignature.time, text), cosignature.signature, ed25519)
  })
  return counted(
    policy,
    present.map(({ name }) => name),
  )
}

const NOT_IN_TREE = 'a proof that something else was logged'
const WRONG_LOG_SIGNATURE = 'a signature of the log that does not verify'

function counted({ quorum }: TlogPolicy, found: readonly string[]): ProofVerdict {
  return { outcome: isMet(quorum, ({ name }) => found.includes(name)) ? 'proven' : 'too-few', found }
}

function wrong(detail: string): ProofVerdict {
  return { outcome: 'wrong', found: [], detail }
}

const RANK = { proven: 2, 'too-few': 1, wrong: 0 } as const

/** The one that shows more; of equals, the first. */
function better(one: ProofVerdict | undefined, other: ProofVerdict): ProofVerdict {
  if (one === undefined) return other
  const more = RANK[other.outcome] - RANK[one.outcome] || other.found.length - one.found.length
  return more > 0 ? other : one
}

function rawKeyOf(key: EnvelopeKey): Uint8Array | undefined {
  return key.kind === 'ed25519' ? key.publicKey : undefined
}
