/** A bundle as Sigstore's own library takes it, made of values that were read already. Heavy: loads node:crypto. */
import { createHash, type KeyObject } from 'node:crypto'
import type { SignedEntity, toSignedEntity } from '@sigstore/verify'
import { pae } from '../../formats/in-toto/dsse.ts'
import type { SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseLogBody } from '../../formats/sigstore/log-body.ts'
import type { SigstoreLogEntry } from '../../formats/sigstore/log-entry.ts'
import { FormatError } from '../../primitives/format-error.ts'

/** A bundle's certificate, and whether the bundle's signature is by its key. */
export interface CheckedSigner {
  readonly certificate: Uint8Array
  readonly key: KeyObject
  readonly isSignedBy: boolean
}

/** A log of the trusted root: what it is called by in entries, and the name under which it signs. */
export interface NamedLog {
  readonly id: Uint8Array
  readonly name: string
}

/** What an entity is made with, beside a bundle and its signer. */
export interface EntityTools {
  readonly logs: readonly NamedLog[]
  readonly toSignedEntity: typeof toSignedEntity
}

/**
 * The entity that the library verifies, made with its `toSignedEntity`. What its own comparisons leave out is
 * compared here: that each entry of a log is about this certificate, and that a checkpoint is signed by the log that
 * the entry is in, under that log's name. Throws FormatError.
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
    // Stands for the content below: what the library would make of it needs the whole file in memory.
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

/** What entries of logs may name: the message that was signed, and an envelope's payload. */
function digestsIn(
  content: SigstoreBundle['content'],
): Readonly<Partial<Record<'message' | 'payload', Buffer>>> {
  if (content.kind === 'message') return content.claimed ? { message: bufferOf(content.claimed.digest) } : {}
  const { payloadType, payload } = content
  return { message: sha256(pae(payloadType, payload)), payload: sha256(payload) }
}

function libraryEntry(entry: SigstoreLogEntry, logs: readonly NamedLog[]) {
  const { logIndex, integratedTime, kind, version } = entry
  // Without a checkpoint, as bundles of version 0.1 may be, nobody vouches for a proof.
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
 * A checkpoint with the log's own signatures alone, so that no other log and no witness can speak for it, nor the log
 * under another name: a log's key may sign the states of several.
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
  // That the root has no such log at all is for the library to say.
  if (names.length > 0 && named.length === 0) {
    throw new FormatError('checkpoint', 'is signed under another name than the log has', 'the signatures')
  }
  return `${note}\n${named.map(({ line }) => line).join('')}`
}

/** A log's name, behind which the first version of Rekor has the number of its tree. */
function isOrigin(origin: string, name: string): boolean {
  return origin === name || (origin.startsWith(`${name} - `) && /^ - \d+$/.test(origin.slice(name.length)))
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
