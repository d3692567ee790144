/**
 * An entry of a transparency log as Sigstore bundles contain it (sigstore/protobuf-specs,
 * sigstore_rekor.proto), with the checkpoint that its inclusion proof leads to (C2SP,
 * tlog-checkpoint.md and signed-note.md).
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { fields, type JsonNode, listOf, malformed, readString, stringOf } from '../json/shape.ts'

/** A proof in a tree with 2^63 entries has at most this many hashes. */
const HASH_LIMIT = 64
const CHECKPOINT_LIMIT = 16 * 1024

/** An entry of a log. */
export interface SigstoreLogEntry {
  /** In decimal digits, like all numbers here. */
  readonly logIndex: string
  /** SHA-256 of the log's key, or the id that its operator chose. */
  readonly logId: Uint8Array
  readonly kind: string
  readonly version: string
  /** Seconds since 1970; `0` if the log gives no time. */
  readonly integratedTime: string
  /** The log's signed promise to include the entry. */
  readonly promise?: Uint8Array
  readonly proof?: InclusionProof
  /** The logged JSON, which log-body.ts reads. */
  readonly body: Uint8Array
}

/** A proof that a log contains an entry. */
export interface InclusionProof {
  readonly logIndex: string
  readonly rootHash: Uint8Array
  readonly treeSize: string
  readonly hashes: readonly Uint8Array[]
  /** The state of the log that the proof leads to. Only bundles of version 0.1 may lack it. */
  readonly checkpoint?: Checkpoint
}

/** A signed state of a log. */
export interface Checkpoint {
  /** The signed text: origin, size and root hash of the tree. */
  readonly note: string
  /** The name of the log, its first line. */
  readonly origin: string
  readonly size: string
  readonly rootHash: string
  /** The signature lines of the log and its witnesses, each with its newline. */
  readonly signatures: readonly CheckpointSignature[]
}

/** One signature of a checkpoint. */
export interface CheckpointSignature {
  /** Only letters, digits and `._:/-`. */
  readonly name: string
  /** The first four bytes of the signer's key id. */
  readonly hint: Uint8Array
  readonly line: string
}

/** Reads one element of `tlogEntries`. Throws FormatError. */
export function readLogEntry(node: JsonNode): SigstoreLogEntry {
  const entry = fields(node, {
    required: ['logId', 'kindVersion', 'canonicalizedBody'],
    optional: ['logIndex', 'integratedTime', 'inclusionPromise', 'inclusionProof'],
    others: 'refuse',
  })
  const { kind, version } = only(entry.kindVersion, ['kind', 'version'])
  const promise = present(entry.inclusionPromise)
  const proof = present(entry.inclusionProof)
  return {
    logIndex: numberOf(entry.logIndex),
    logId: bytesOf(only(entry.logId, ['keyId']).keyId),
    kind: stringOf(kind),
    version: stringOf(version),
    integratedTime: numberOf(entry.integratedTime),
    ...(promise && { promise: bytesOf(only(promise, ['signedEntryTimestamp']).signedEntryTimestamp) }),
    ...(proof && { proof: readProof(proof) }),
    body: bytesOf(entry.canonicalizedBody),
  }
}

/**
 * The node, or undefined if it is absent or null: protobuf's JSON writers omit unset fields or
 * write null.
 */
export function present(node: JsonNode | undefined): JsonNode | undefined {
  return node === undefined || node.value === null ? undefined : node
}

/** Decodes a base64 string that is not empty. Throws FormatError. */
export function bytesOf(node: JsonNode): Uint8Array {
  const bytes = readString(node, fromBase64)
  if (bytes.length === 0) throw malformed(node, 'must not be empty')
  return bytes
}

/** The fields of an object that must have exactly these. Throws FormatError. */
export function only<Name extends string>(
  node: JsonNode,
  required: readonly Name[],
): Readonly<Record<Name, JsonNode>> {
  return fields(node, { required, optional: [], others: 'refuse' })
}

function readProof(node: JsonNode): InclusionProof {
  const proof = fields(node, {
    required: ['rootHash', 'treeSize'],
    optional: ['logIndex', 'hashes', 'checkpoint'],
    others: 'refuse',
  })
  const checkpoint = present(proof.checkpoint)
  const read = {
    logIndex: numberOf(proof.logIndex),
    rootHash: bytesOf(proof.rootHash),
    treeSize: numberOf(proof.treeSize),
    hashes: proof.hashes === undefined ? [] : listOf(proof.hashes, HASH_LIMIT).map(bytesOf),
  }
  if (checkpoint === undefined) return read
  const signed = readString(only(checkpoint, ['envelope']).envelope, parseCheckpoint)
  const isSame =
    signed.size === read.treeSize && signed.rootHash === Buffer.from(read.rootHash).toString('base64')
  if (!isSame) throw malformed(node, 'the proof is not about the tree of its checkpoint')
  return { ...read, checkpoint: signed }
}

/**
 * A number in digits. Protobuf's JSON writes 64-bit integers as strings and may omit zero. Negative
 * ones have no meaning here. Throws FormatError.
 */
export function numberOf(node: JsonNode | undefined): string {
  if (node === undefined) return '0'
  const text = typeof node.value === 'number' ? String(node.value) : stringOf(node)
  if (/^(?:0|[1-9]\d{0,18})$/.test(text)) return text
  throw malformed(node, 'must be a decimal number of at most 19 digits')
}

function parseCheckpoint(text: string): Checkpoint {
  if (text.length > CHECKPOINT_LIMIT) throw noCheckpoint(`longer than ${CHECKPOINT_LIMIT} characters`)
  const [, note, origin, size, rootHash, signatures] =
    /^((\S[^\n]*)\n(0|[1-9]\d{0,18})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*)\n((?:\u2014 [^\n]+\n)+)$/.exec(
      text,
    ) ?? []
  if (note === undefined || origin === undefined || size === undefined || rootHash === undefined) {
    throw noCheckpoint('not an origin, a size, a hash, an empty line and signatures')
  }
  return {
    note,
    origin,
    size,
    rootHash,
    signatures: (signatures ?? '').match(/.+\n/g)?.map(readSignature) ?? [],
  }
}

function readSignature(line: string): CheckpointSignature {
  // The library that verifies it uses the name as a regular expression.
  const [, name, encoded] = /^\u2014 ([A-Za-z0-9._:/-]+) (\S+)\n$/.exec(line) ?? []
  if (name === undefined || encoded === undefined) throw noCheckpoint('a signature line of an unknown form')
  const bytes = fromBase64(encoded)
  if (bytes.length < 5) throw noCheckpoint('a signature without bytes')
  return { name, hint: bytes.subarray(0, 4), line }
}

function noCheckpoint(what: string): FormatError {
  return new FormatError('checkpoint', what, 'the whole')
}
