/**
 * Files in which tools keep Sigstore bundles, and older or other forms of the same: read into
 * bundles. What verifies is made of these values alone.
 *
 *     a bundle                                cosign, sigstore-python, sigstore-js
 *     bundles, one a line                     gh attestation download
 *     a list of results with bundles          gh attestation verify --format json
 *     {"attestations": …}                     the registry of npm, the API of GitHub
 *     an attestation, a provenance file       PyPI (PEP 740, peps.python.org)
 *     {"base64Signature": …}                  cosign sign-blob --bundle before version 3
 *     a signature in base64 alone             cosign sign-blob --output-signature
 */
import { fromBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { PAYLOAD_TYPE } from '../in-toto/dsse.ts'
import { isList, isObject } from '../json/print.ts'
import { fields, type JsonNode, listOf, malformed, readString, rootNode } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { readEntries, readSigstoreBundle, type SigstoreBundle } from './bundle.ts'
import { bytesOf, only, present } from './log-entry.ts'
import { readOldCosignBundle } from './old-cosign-bundle.ts'

const FORMAT = 'Sigstore bundle'
const BUNDLE_LIMIT = 32
const LIMITS = { length: 256 * 1024, depth: 16, values: 16 * 1024 }

/** A signature in base64, on one line. */
const BARE = /^[A-Za-z0-9+/]{40,1024}={0,2}\s*$/
const BARE_LIMIT = 2048

/** Sizes in bytes of Ed25519 and RSA signatures (2048 to 4096 bits). */
const SIZES: readonly number[] = [64, 256, 384, 512]
const DER_SEQUENCE = 0x30

/**
 * Whether a file may be one of these: it begins as JSON, or is nothing but a signature in base64.
 * No other kind of signature does.
 */
export function looksLikeSigstoreDocument(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1')
  return /^\s*[{[]/.test(head) || bareSignature(bytes) !== undefined
}

/**
 * The bundles in a file, at least one and at most 32. Throws FormatError, also if one of them
 * cannot be read.
 */
export function parseSigstoreDocument(bytes: Uint8Array): readonly SigstoreBundle[] {
  const bare = bareSignature(bytes)
  if (bare !== undefined) return [{ ...NOTHING_ELSE, content: { kind: 'message', signature: bare } }]
  const bundles = textsIn(decodeUtf8(bytes, FORMAT)).flatMap(text =>
    readDocument(rootNode(FORMAT, parseStrictJson(text, LIMITS))),
  )
  if (bundles.length === 0) throw new FormatError(FORMAT, 'an empty list: nobody attested it', 'the whole')
  if (bundles.length > BUNDLE_LIMIT) {
    throw new FormatError(FORMAT, `more than ${BUNDLE_LIMIT} bundles`, 'the whole')
  }
  return bundles
}

const NOTHING_ELSE = {
  version: '0.3',
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  material: { kind: 'unstated' },
  entries: [],
  timestamps: [],
} as const

/** One document or, where the first line is one already, a document a line. */
function textsIn(text: string): readonly string[] {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const [first = ''] = lines
  return lines.length > 1 && /^\s*\{.*\}\s*$/.test(first) ? lines : [text]
}

function readDocument(node: JsonNode): readonly SigstoreBundle[] {
  if (isList(node.value)) {
    return listOf(node, BUNDLE_LIMIT).map(result => {
      const { attestation } = fields(result, { required: ['attestation'], optional: [], others: 'ignore' })
      return bundleIn(attestation)
    })
  }
  const has = (name: string) => isObject(node.value) && node.value.has(name)
  if (has('mediaType')) return [readSigstoreBundle(node)]
  if (has('attestations')) {
    const { attestations } = fields(node, { required: ['attestations'], optional: [], others: 'ignore' })
    return listOf(attestations, BUNDLE_LIMIT).map(bundleIn)
  }
  if (has('attestation_bundles')) return readProvenanceFile(node)
  if (has('verification_material')) return [readPyPiAttestation(node)]
  if (has('base64Signature')) return [readOldCosignBundle(node)]
  return [readSigstoreBundle(node)]
}

/** A bundle beside what its server says of it, which nobody signed. */
function bundleIn(node: JsonNode): SigstoreBundle {
  const { bundle } = fields(node, { required: ['bundle'], optional: [], others: 'ignore' })
  if (present(bundle) === undefined) {
    throw malformed(bundle, 'is not in the file, only its address: fetch it (gh attestation download)')
  }
  return readSigstoreBundle(bundle)
}

function readProvenanceFile(node: JsonNode): readonly SigstoreBundle[] {
  const { version, attestation_bundles: lists } = fields(node, {
    required: ['version', 'attestation_bundles'],
    optional: [],
    others: 'refuse',
  })
  assertFirst(version)
  return listOf(lists, BUNDLE_LIMIT).flatMap(list => {
    // Who published it is what the server says; the certificates say it as well, and are signed.
    const { attestations } = fields(list, {
      required: ['attestations'],
      optional: ['publisher'],
      others: 'refuse',
    })
    return listOf(attestations, BUNDLE_LIMIT).map(readPyPiAttestation)
  })
}

function readPyPiAttestation(node: JsonNode): SigstoreBundle {
  const {
    version,
    verification_material: material,
    envelope,
  } = only(node, ['version', 'verification_material', 'envelope'])
  assertFirst(version)
  const { certificate, transparency_entries: entries } = only(material, [
    'certificate',
    'transparency_entries',
  ])
  const { statement, signature } = only(envelope, ['statement', 'signature'])
  return {
    ...NOTHING_ELSE,
    material: { kind: 'certificate', certificate: bytesOf(certificate) },
    entries: readEntries(entries, '0.3'),
    content: {
      kind: 'envelope',
      payloadType: PAYLOAD_TYPE,
      payload: readString(statement, fromBase64),
      signature: bytesOf(signature),
    },
  }
}

function assertFirst(version: JsonNode): void {
  if (version.value !== 1) throw malformed(version, 'must be 1: later versions are not known')
}

function bareSignature(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length > BARE_LIMIT) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (!BARE.test(text)) return undefined
  try {
    const signature = fromBase64(text.trimEnd())
    return SIZES.includes(signature.length) || isEcdsa(signature) ? signature : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** Two numbers in DER, for curves up to P-521: at most 139 bytes. */
function isEcdsa(bytes: Uint8Array): boolean {
  const [tag, size = 0, long = 0] = bytes
  if (tag !== DER_SEQUENCE || bytes.length > 141) return false
  return size < 0x80 ? size === bytes.length - 2 : size === 0x81 && long === bytes.length - 3
}
