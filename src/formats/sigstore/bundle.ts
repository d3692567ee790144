/**
 * Sigstore bundles (sigstore/protobuf-specs, sigstore_bundle.proto), versions 0.1 to 0.3, as JSON.
 * A bundle is read completely and only once: what is verified is built from these values, so no two
 * readers can see two bundles.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { ENVELOPE_LIMIT, type Envelope, parseEnvelope, readEnvelope } from '../in-toto/dsse.ts'
import { jsonObject, printJson } from '../json/print.ts'
import { fields, type JsonNode, listOf, malformed, objectOf, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { isSelfIssued } from './certificate.ts'
import { bytesOf, only, present, readLogEntry, type SigstoreLogEntry } from './log-entry.ts'

const FORMAT = 'Sigstore bundle'
const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/**
 * The media types and their versions: from 0.2 on logs prove inclusion, from 0.3 on there is one
 * certificate.
 */
const VERSIONS: ReadonlyMap<string, SigstoreBundle['version']> = new Map([
  ['application/vnd.dev.sigstore.bundle+json;version=0.1', '0.1'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', '0.2'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', '0.3'],
  [MEDIA_TYPE, '0.3'],
])

const LENGTH_LIMIT = 256 * 1024
const DEPTH_LIMIT = 8
const VALUES_LIMIT = 4096
const CERTIFICATE_LIMIT = 8
const ENTRY_LIMIT = 8
const TIMESTAMP_LIMIT = 8
const HINT_LIMIT = 1024

/**
 * Hashes that a signature over a file may use, with their names in protobuf-specs and their sizes
 * in bytes.
 */
const HASHES = {
  SHA2_256: { hash: 'sha256', bytes: 32 },
  SHA2_384: { hash: 'sha384', bytes: 48 },
  SHA2_512: { hash: 'sha512', bytes: 64 },
} as const

/** The hash algorithms of bundles, by their names in node:crypto. */
export type SigstoreHash = (typeof HASHES)[keyof typeof HASHES]['hash']

/** A parsed bundle. Nothing in it is verified. */
export interface SigstoreBundle {
  readonly version: '0.1' | '0.2' | '0.3'
  readonly mediaType: string
  /**
   * What verifies the signature: the signer's certificate (DER), or a key that the verifier has.
   * `unstated`: the signature of cosign alone, which says neither.
   */
  readonly material:
    | { readonly kind: 'certificate'; readonly certificate: Uint8Array }
    | { readonly kind: 'public-key'; readonly hint: string }
    | { readonly kind: 'unstated' }
  readonly entries: readonly SigstoreLogEntry[]
  /** Responses of timestamp authorities (RFC 3161), DER. */
  readonly timestamps: readonly Uint8Array[]
  readonly content: SignedMessage | SignedEnvelope
}

/** A signature over a file. */
export interface SignedMessage {
  readonly kind: 'message'
  /**
   * The hash that the bundle claims the file has. cosign omits it when it signs with an Ed25519
   * key.
   */
  readonly claimed?: { readonly hash: SigstoreHash; readonly digest: Uint8Array }
  readonly signature: Uint8Array
}

/** A signature over a statement. */
export interface SignedEnvelope {
  readonly kind: 'envelope'
  readonly payloadType: Envelope['payloadType']
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Parses a bundle. Unknown fields are errors. So are null and absent fields that the format permits
 * but without which nothing could be verified: signatures, digests, promises or proofs of
 * inclusion. Throws FormatError.
 */
export function parseSigstoreBundle(bytes: Uint8Array): SigstoreBundle {
  const text = decodeUtf8(bytes, FORMAT)
  const json = parseStrictJson(text, { length: LENGTH_LIMIT, depth: DEPTH_LIMIT, values: VALUES_LIMIT })
  return readSigstoreBundle(rootNode(FORMAT, json))
}

/** Reads the bundle that is part of a larger document, as parseSigstoreBundle does. */
export function readSigstoreBundle(node: JsonNode): SigstoreBundle {
  const bundle = fields(node, {
    required: ['mediaType', 'verificationMaterial'],
    optional: ['messageSignature', 'dsseEnvelope'],
    others: 'refuse',
  })
  const mediaType = stringOf(bundle.mediaType)
  const version = VERSIONS.get(mediaType)
  if (version === undefined) {
    throw malformed(bundle.mediaType, `"${printable(mediaType, 80)}" is not a bundle of version 0.1 to 0.3`)
  }
  const material = fields(bundle.verificationMaterial, {
    required: [],
    optional: [
      'certificate',
      'x509CertificateChain',
      'publicKey',
      'tlogEntries',
      'timestampVerificationData',
    ],
    others: 'refuse',
  })
  const content = readContent(bundle)
  const signer = readMaterial(bundle.verificationMaterial, material, version)
  if (signer.kind === 'certificate' && content.kind === 'message' && content.claimed === undefined) {
    throw new FormatError(
      FORMAT,
      'with a certificate it must say which digest was signed',
      'messageSignature',
    )
  }
  return {
    version,
    mediaType,
    material: signer,
    entries: readEntries(present(material.tlogEntries), version),
    timestamps: readTimestamps(present(material.timestampVerificationData)),
    content,
  }
}

/**
 * Makes a bundle of version 0.3 of the line of an envelope. cosign verifies it with a public key,
 * without a certificate or a transparency log. `hint` tells people which key that is: its SSH
 * fingerprint. cosign requires exactly one signature per envelope. Returns JSON. Throws FormatError
 * if the line is not an envelope.
 */
export function sigstoreBundle(line: string, hint: string): string {
  parseEnvelope(line)
  return printJson(
    jsonObject([
      ['mediaType', MEDIA_TYPE],
      ['verificationMaterial', jsonObject([['publicKey', jsonObject([['hint', hint]])]])],
      ['dsseEnvelope', parseStrictJson(line, { length: ENVELOPE_LIMIT, depth: 3 })],
    ]),
  )
}

function readMaterial(
  node: JsonNode,
  material: Partial<Record<'certificate' | 'x509CertificateChain' | 'publicKey', JsonNode>>,
  version: SigstoreBundle['version'],
): SigstoreBundle['material'] {
  const certificate = present(material.certificate)
  const chain = present(material.x509CertificateChain)
  const publicKey = present(material.publicKey)
  if ([certificate, chain, publicKey].filter(part => part !== undefined).length !== 1) {
    throw malformed(node, 'must have one of certificate, x509CertificateChain and publicKey')
  }
  if (certificate)
    return { kind: 'certificate', certificate: bytesOf(only(certificate, ['rawBytes']).rawBytes) }
  if (chain) {
    if (version === '0.3') throw malformed(chain, 'bundles of version 0.3 have one certificate and no chain')
    return { kind: 'certificate', certificate: readChain(chain) }
  }
  const { hint } = fields(publicKey ?? node, { required: [], optional: ['hint'], others: 'refuse' })
  const text = hint === undefined ? '' : stringOf(hint)
  if (text.length > HINT_LIMIT) throw malformed(node, `hint longer than ${HINT_LIMIT} characters`)
  return { kind: 'public-key', hint: text }
}

/**
 * The signer's certificate, which comes first. The others are not needed with a trusted root, and a
 * root must not be among them. Throws FormatError.
 */
function readChain(node: JsonNode): Uint8Array {
  const certificates = listOf(only(node, ['certificates']).certificates, CERTIFICATE_LIMIT).map(entry =>
    bytesOf(only(entry, ['rawBytes']).rawBytes),
  )
  const [first] = certificates
  if (first === undefined) throw malformed(node, 'must not be empty')
  if (certificates.some(isSelfIssued)) throw malformed(node, 'must not hold a root certificate')
  return first
}

/**
 * Reads the log entries of a bundle of this version, which have to prove as much as it promises.
 * Throws FormatError.
 */
export function readEntries(
  node: JsonNode | undefined,
  version: SigstoreBundle['version'],
): readonly SigstoreLogEntry[] {
  if (node === undefined) return []
  return listOf(node, ENTRY_LIMIT).map(item => {
    const entry = readLogEntry(item)
    const isWhole = version === '0.1' ? entry.promise !== undefined : entry.proof?.checkpoint !== undefined
    if (!isWhole) {
      const what = version === '0.1' ? 'inclusionPromise' : 'inclusionProof with a checkpoint'
      throw malformed(item, `bundles of version ${version} need an ${what}`)
    }
    return entry
  })
}

function readTimestamps(node: JsonNode | undefined): readonly Uint8Array[] {
  if (node === undefined) return []
  const { rfc3161Timestamps } = fields(node, {
    required: [],
    optional: ['rfc3161Timestamps'],
    others: 'refuse',
  })
  const list = present(rfc3161Timestamps)
  if (list === undefined) return []
  return listOf(list, TIMESTAMP_LIMIT).map(entry => bytesOf(only(entry, ['signedTimestamp']).signedTimestamp))
}

function readContent(
  bundle: Partial<Record<'messageSignature' | 'dsseEnvelope', JsonNode>>,
): SigstoreBundle['content'] {
  const message = present(bundle.messageSignature)
  const envelope = present(bundle.dsseEnvelope)
  if (message !== undefined && envelope === undefined) return readMessage(message)
  if (envelope === undefined || message !== undefined) {
    throw new FormatError(FORMAT, 'must have one of messageSignature and dsseEnvelope', 'the whole')
  }
  const { payloadType, payload, signatures } = readEnvelope(envelope)
  const [signature, ...more] = signatures
  if (signature === undefined || more.length > 0) throw malformed(envelope, 'must have one signature')
  return { kind: 'envelope', payloadType, payload, signature: signature.signature }
}

function readMessage(node: JsonNode): SignedMessage {
  const { messageDigest, signature } = fields(node, {
    required: ['signature'],
    optional: ['messageDigest'],
    others: 'refuse',
  })
  const claimed = readClaim(present(messageDigest))
  return { kind: 'message', signature: bytesOf(signature), ...(claimed && { claimed }) }
}

function readClaim(node: JsonNode | undefined): SignedMessage['claimed'] {
  if (node === undefined || objectOf(node).size === 0) return undefined
  const { algorithm, digest } = only(node, ['algorithm', 'digest'])
  const name = stringOf(algorithm)
  if (name !== 'SHA2_256' && name !== 'SHA2_384' && name !== 'SHA2_512') {
    throw malformed(algorithm, `must be ${Object.keys(HASHES).join(' or ')}`)
  }
  const { hash, bytes } = HASHES[name]
  const claimed = bytesOf(digest)
  if (claimed.length !== bytes) throw malformed(digest, `must have ${bytes} bytes`)
  return { hash, digest: claimed }
}
