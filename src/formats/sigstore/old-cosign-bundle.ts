/**
 * The bundles that `cosign sign-blob --bundle` wrote before version 3: the signature, the signer's
 * certificate or key as PEM in base64, and what the log promised (sigstore/cosign,
 * pkg/cosign/bundle). They become Sigstore bundles of version 0.1, which promise the same.
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { fromHex } from '../../primitives/hex.ts'
import { fields, type JsonNode, malformed, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import type { SignedMessage, SigstoreBundle } from './bundle.ts'
import { parseLogBody } from './log-body.ts'
import { bytesOf, numberOf, only, present, type SigstoreLogEntry } from './log-entry.ts'

const BODY_LIMITS = { length: 256 * 1024, depth: 16, values: 4096 }
const PEM = /^-----BEGIN (CERTIFICATE|PUBLIC KEY)-----\n([A-Za-z0-9+/=\n]+)\n-----END \1-----\n*$/

/** By the size of the digest in a log entry, in bytes. */
const HASHES = { 32: 'sha256', 48: 'sha384', 64: 'sha512' } as const

/** Reads one. Throws FormatError, also for what cosign wrote over attestations. */
export function readOldCosignBundle(node: JsonNode): SigstoreBundle {
  const { base64Signature, cert, rekorBundle } = fields(node, {
    required: ['base64Signature'],
    optional: ['cert', 'rekorBundle'],
    others: 'refuse',
  })
  const whose = present(cert)
  const logged = present(rekorBundle)
  const signature = bytesOf(base64Signature)
  const entry = logged === undefined ? undefined : readEntry(logged)
  const material = whose === undefined ? ({ kind: 'unstated' } as const) : readString(whose, readMaterial)
  if (material.kind === 'certificate' && entry === undefined) {
    throw malformed(
      node,
      'without the log entry nobody can tell when it was signed: ask for the whole bundle',
    )
  }
  return {
    version: '0.1',
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    material,
    entries: entry === undefined ? [] : [entry.entry],
    timestamps: [],
    content: { kind: 'message', signature, ...(entry && { claimed: entry.claimed }) },
  }
}

function readMaterial(text: string): Exclude<SigstoreBundle['material'], { kind: 'unstated' }> {
  const pem = Buffer.from(fromBase64(text)).toString('latin1')
  const [, label, body = ''] = PEM.exec(pem) ?? []
  if (label === undefined) throw malformed(rootNode('PEM', null), 'not one certificate or public key')
  if (label === 'PUBLIC KEY') return { kind: 'public-key', hint: '' }
  return { kind: 'certificate', certificate: fromBase64(body.replaceAll('\n', '')) }
}

function readEntry(node: JsonNode): {
  readonly entry: SigstoreLogEntry
  readonly claimed: NonNullable<SignedMessage['claimed']>
} {
  const { SignedEntryTimestamp: promise, Payload: payload } = only(node, ['SignedEntryTimestamp', 'Payload'])
  const { body, integratedTime, logIndex, logID } = only(payload, [
    'body',
    'integratedTime',
    'logIndex',
    'logID',
  ])
  const bytes = bytesOf(body)
  const entry = {
    logIndex: numberOf(logIndex),
    logId: readString(logID, fromHex),
    ...kindOf(bytes),
    integratedTime: numberOf(integratedTime),
    promise: bytesOf(promise),
    body: bytes,
  }
  const { over, digest } = parseLogBody(entry)
  const hash = HASHES[digest.length as keyof typeof HASHES]
  if (over !== 'message' || hash === undefined) {
    throw malformed(body, 'is not about a file: an attestation needs the bundle of a newer cosign')
  }
  return { entry, claimed: { hash, digest } }
}

function kindOf(body: Uint8Array): { readonly kind: string; readonly version: string } {
  const json = parseStrictJson(decodeUtf8(body, 'log entry'), BODY_LIMITS)
  const { kind, apiVersion } = fields(rootNode('log entry', json), {
    required: ['kind', 'apiVersion'],
    optional: [],
    others: 'ignore',
  })
  return { kind: stringOf(kind), version: stringOf(apiVersion) }
}
