/** Converts a parsed bundle into what Sigstore's own library verifies. Heavy: loads node:crypto. */
import { createHash, type KeyObject } from 'node:crypto'
import type { SignedEntity, toSignedEntity } from '@sigstore/verify'
import { pae } from '../../formats/in-toto/dsse.ts'
import type { SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseLogBody } from '../../formats/sigstore/log-body.ts'
import type { SigstoreLogEntry } from '../../formats/sigstore/log-entry.ts'
import { FormatError } from '../../primitives/format-error.ts'

/** A bundle's certificate, and whether its key made the bundle's signature. */
export interface CheckedSigner {
  readonly certificate: Uint8Array
  readonly key: KeyObject
  readonly isSignedBy: boolean
}

/** A log of the trusted root: its id in entries, and the name that it signs with. */
export interface NamedLog {
  readonly id: Uint8Array
  readonly name: string
}

/** What is needed besides a bundle and its signer. */
export interface EntityTools {
  readonly logs: readonly NamedLog[]
  readonly toSignedEntity: typeof toSignedEntity
}

/**
 * The entity that the library verifies, made with its `toSignedEntity`. This checks what the
 * library does not compare: that each log entry is about this certificate, and that a checkpoint is
 * signed by the log that has the entry, under that log's name. Throws FormatError.
 */
export function entityOf(
  bundle: SigstoreBundle,
  signer: CheckedSigner,
  { logs, toSignedEntity: toEntity }: EntityTools,
): SignedEntity {
  for (const entry of bundle.entries) checkBody(entry, bundle, signer)
  const entity = toEntity({
    mediaType: bundle.mediaType,
    verificationMaterial: {
      content: { $case: 'certificate', certificate: { rawBytes: bufferOf(signer.certificate) } },
      tlogEntries: bundle.entries.map(entry => libraryEntry(entry, logs)),
      timestampVerificationData: {
        rfc3161Timestamps: bundle.timestamps.map(bytes => ({ signedTimestamp: bufferOf(bytes) })),
      },
    },
    // Replaced below: the library's own version needs the whole file in memory.
    content: {
      $case: 'dsseEnvelope',
      dsseEnvelope: { payload: Buffer.alloc(0), payloadType: '', signatures: [] },
    },
  })
  const signature = bufferOf(bundle.content.signature)
  const digests = digestsIn(bundle.content)
  return {
    ...entity,
    signature: {
      signature,
      compareSignature: other => signature.equals(other),
      compareDigest: digest => Object.values(digests).some(own => own.equals(digest)),
      verifySignature: key => signer.isSignedBy && signer.key.equals(key),
    },
  }
}

function checkBody(entry: SigstoreLogEntry, { content }: SigstoreBundle, signer: CheckedSigner): void {
  const body = parseLogBody(entry)
  const wrong = (what: string) => new FormatError('log entry', `is about another ${what}`, 'the body')
  if (!bufferOf(content.signature).equals(body.signature)) throw wrong('signature')
  if (!bufferOf(signer.certificate).equals(body.verifier)) throw wrong('certificate')
  if (!digestsIn(content)[body.over]?.equals(body.digest)) throw wrong('message')
}

/**
 * The digests that log entries may refer to: of the signed message, and of an envelope's payload.
 */
function digestsIn(
  content: SigstoreBundle['content'],
): Readonly<Partial<Record<'message' | 'payload', Buffer>>> {
  if (content.kind === 'message') return content.claimed ? { message: bufferOf(content.claimed.digest) } : {}
  const { payloadType, payload } = content
  return { message: sha256(pae(payloadType, payload)), payload: sha256(payload) }
}

function libraryEntry(entry: SigstoreLogEntry, logs: readonly NamedLog[]) {
  const { logIndex, integratedTime, kind, version } = entry
  // Without a checkpoint, which bundles of version 0.1 may lack, a proof is worth nothing.
  const proof = entry.proof?.checkpoint && { ...entry.proof, checkpoint: entry.proof.checkpoint }
  return {
    logIndex,
    logId: { keyId: bufferOf(entry.logId) },
    kindVersion: { kind, version },
    integratedTime,
    inclusionPromise: entry.promise && { signedEntryTimestamp: bufferOf(entry.promise) },
    inclusionProof: proof && {
      logIndex: proof.logIndex,
      rootHash: bufferOf(proof.rootHash),
      treeSize: proof.treeSize,
      hashes: proof.hashes.map(bufferOf),
      checkpoint: { envelope: signedByLog(proof.checkpoint, entry.logId, logs) },
    },
    canonicalizedBody: bufferOf(entry.body),
  }
}

/**
 * A checkpoint with only the log's own signatures, so that no other log or witness can sign for it,
 * nor the log under another name: one log key may sign checkpoints of several logs. Throws
 * FormatError.
 */
function signedByLog(
  { note, origin, signatures }: NonNullable<NonNullable<SigstoreLogEntry['proof']>['checkpoint']>,
  logId: Uint8Array,
  logs: readonly NamedLog[],
): string {
  const own = signatures.filter(({ hint }) => bufferOf(logId.subarray(0, 4)).equals(hint))
  if (own.length === 0) throw new FormatError('checkpoint', 'is not signed by the log', 'the signatures')
  const names = logs.filter(({ id }) => bufferOf(id).equals(logId)).map(({ name }) => name)
  const named = own.filter(({ name }) => names.includes(name) && isOrigin(origin, name))
  // If the root does not have the log at all, the library reports that.
  if (names.length > 0 && named.length === 0) {
    throw new FormatError('checkpoint', 'is signed under another name than the log has', 'the signatures')
  }
  return `${note}\n${named.map(({ line }) => line).join('')}`
}

/**
 * Whether this is the log's name, which the first version of Rekor follows by the id of its tree.
 */
function isOrigin(origin: string, name: string): boolean {
  return origin === name || (origin.startsWith(`${name} - `) && /^ - \d+$/.test(origin.slice(name.length)))
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
