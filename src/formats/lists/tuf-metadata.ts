/**
 * Signed metadata of TUF 1.0 in the one form that nixsig takes, with Ed25519 keys alone. It is read
 * by the strict JSON reader, so that a text has one meaning; all its attributes are part of what is
 * signed. What is in it is read by tuf-signed.ts. Nothing here verifies a signature: see
 * tuf-threshold.ts.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { fromHex } from '../../primitives/hex.ts'
import { fields, type JsonNode, listOf, malformed, rootNode, sha256Of, stringOf } from '../json/shape.ts'
import { decodeUtf8, type JsonValue, parseStrictJson } from '../json/strict.ts'
import { canonicalJson } from './canonical-json.ts'
import {
  type MetadataKind,
  readSigned,
  type SignedOf,
  type TopRole,
  type TufSigned,
  typeOf,
} from './tuf-signed.ts'

/** Limits in bytes of each type of metadata. */
export const METADATA_LIMITS: Readonly<Record<TopRole, number>> = {
  root: 512 * 1024,
  targets: 4 * 1024 * 1024,
  snapshot: 64 * 1024,
  timestamp: 16 * 1024,
}

const DEPTH_LIMIT = 8
const SIGNATURE_LIMIT = 256

/** A signature: it may be by anybody, over anything. */
export interface TufSignature {
  /** 64 lower-case hexadecimal digits. */
  readonly keyid: string
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Metadata with its signatures, each by another key id. */
export interface TufMetadata<Signed extends TufSigned = TufSigned> {
  readonly signed: Signed
  /** `signed` as it was read, with all attributes. */
  readonly json: JsonValue
  /** Its canonical JSON: what signatures are over. */
  readonly message: Uint8Array
  readonly signatures: readonly TufSignature[]
}

/** Reads metadata of this kind. Throws FormatError. */
export function parseMetadata<Kind extends MetadataKind>(
  bytes: Uint8Array,
  kind: Kind,
): TufMetadata<SignedOf[Kind]> {
  const format = `${kind} metadata`
  const limit = METADATA_LIMITS[typeOf(kind)]
  if (bytes.byteLength > limit)
    throw new FormatError(format, `longer than ${limit} bytes`, `${bytes.byteLength} bytes`)
  const value = parseStrictJson(decodeUtf8(bytes, format), { length: limit, depth: DEPTH_LIMIT })
  const { signed, signatures } = fields(rootNode(format, value), {
    required: ['signed', 'signatures'],
    optional: [],
    others: 'ignore',
  })
  return {
    signed: readSigned(signed, kind),
    json: signed.value,
    message: canonicalJson(signed.value),
    signatures: readSignatures(signatures),
  }
}

function readSignatures(node: JsonNode): readonly TufSignature[] {
  const signatures = listOf(node, SIGNATURE_LIMIT).map(item => {
    const { keyid, sig } = fields(item, { required: ['keyid', 'sig'], optional: [], others: 'ignore' })
    if (!/^[0-9a-f]{128}$/.test(stringOf(sig)))
      throw malformed(sig, 'must be 128 lower-case hexadecimal digits')
    return { keyid: sha256Of(keyid), signature: fromHex(stringOf(sig)) }
  })
  if (new Set(signatures.map(({ keyid }) => keyid)).size < signatures.length)
    throw malformed(node, 'has two signatures by one key id')
  return signatures
}
