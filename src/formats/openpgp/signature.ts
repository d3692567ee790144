import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { dearmorSignatures, isText } from './armor.ts'
import { readNumber, readPackets, TAG } from './packets.ts'

const SIGNATURE_LIMIT = 256

/** A parsed signature packet (RFC 9580, section 5.2). Nothing in it is verified. */
export interface OpenPgpSignature {
  readonly version: 3 | 4 | 6
  /**
   * RFC 9580, section 5.2.1: 0x00 over the bytes of a file, 0x10 to 0x13 and 0x1F over a
   * certificate …
   */
  readonly type: number
  readonly publicKeyAlgorithm: number
  readonly hashAlgorithm: number
  /** Seconds since 1970. */
  readonly created: number
  /** Seconds from `created` until the signature expires. If 0 or absent, it does not. */
  readonly lifetime?: number
  /**
   * In a self-signature: seconds from the *key's* creation until the key expires. If 0 or absent,
   * it does not.
   */
  readonly keyLifetime?: number
  /** In a self-signature: the uses of the *key*, the first octet of RFC 9580, section 5.2.3.29. */
  readonly keyFlags?: number
  /** In a revocation: the code of its reason (RFC 9580, section 5.2.3.31). */
  readonly revocationReason?: number
  /**
   * The claimed signer: fingerprints (40 or 64 digits) and key ids (16 digits), upper-case hex.
   * Only a hint.
   */
  readonly issuers: readonly string[]
  /** Whether it has a critical part that some readers do not know. */
  readonly hasUnknownCritical: boolean
  /** What is needed to verify it. */
  readonly proof: SignatureProof
  /** The whole packet. */
  readonly bytes: Uint8Array
}

/** The parts of a signature that verify it (RFC 9580, sections 5.2.3 and 5.2.4). */
export interface SignatureProof {
  /** The hashed part of the packet, from the beginning of its body. */
  readonly hashed: Uint8Array
  /** Hashed before everything else. Only in version 6. */
  readonly salt: Uint8Array
  /** The first two bytes of the hash, unsigned. */
  readonly prefix: Uint8Array
  /** The algorithm-specific numbers. */
  readonly numbers: Uint8Array
}

/**
 * Parses a detached signature file, armoured or binary, in any number of blocks: 1 to 256
 * signatures. Throws FormatError, also for a packet that is not a signature, because it could
 * change how another reader sees the file.
 */
export function parseDetachedSignatures(file: Uint8Array): readonly OpenPgpSignature[] {
  const packets = readPackets(isText(file) ? dearmorSignatures(file) : file)
  if (packets.length === 0) throw malformed('no signature', 0)
  if (packets.length > SIGNATURE_LIMIT) throw malformed(`more than ${SIGNATURE_LIMIT} signatures`, 0)
  return packets.map(packet => {
    if (packet.tag !== TAG.signature) throw malformed(`a packet of type ${packet.tag} among signatures`, 0)
    return parseSignaturePacket(packet.body, packet.bytes)
  })
}

/**
 * Parses the body of one signature packet of version 3, 4 or 6. `bytes` is the packet with its
 * header. Throws FormatError.
 */
export function parseSignaturePacket(body: Uint8Array, bytes: Uint8Array): OpenPgpSignature {
  const version = readNumber(body, 0, 1)
  if (version === 3) return parseVersion3(body, bytes)
  if (version !== 4 && version !== 6) throw malformed(`signatures of version ${version} are not read`, 0)
  const countSize = version === 4 ? 2 : 4
  const hashedEnd = 4 + countSize + readNumber(body, 4, countSize)
  const hashed = readSubpackets(slice(body, 4 + countSize, hashedEnd))
  const unhashedStart = hashedEnd + countSize
  const unhashedEnd = unhashedStart + readNumber(body, hashedEnd, countSize)
  const unhashed = readSubpackets(slice(body, unhashedStart, unhashedEnd))
  const saltSize = version === 6 ? readNumber(body, unhashedEnd + 2, 1) : 0
  const saltStart = unhashedEnd + (version === 6 ? 3 : 2)
  const created = seconds(hashed, SUBPACKET.created)
  if (created === undefined) throw malformed('no date', 4)
  const lifetime = seconds(hashed, SUBPACKET.lifetime)
  const keyLifetime = seconds(hashed, SUBPACKET.keyLifetime)
  const keyFlags = last(hashed, SUBPACKET.keyFlags)?.data[0]
  const revocationReason = last(hashed, SUBPACKET.revocationReason)?.data[0]
  return {
    version,
    type: readNumber(body, 1, 1),
    publicKeyAlgorithm: readNumber(body, 2, 1),
    hashAlgorithm: readNumber(body, 3, 1),
    created,
    ...(lifetime === undefined ? {} : { lifetime }),
    ...(keyLifetime === undefined ? {} : { keyLifetime }),
    ...(keyFlags === undefined ? {} : { keyFlags }),
    ...(revocationReason === undefined ? {} : { revocationReason }),
    issuers: [...hashed, ...unhashed].flatMap(readIssuer),
    hasUnknownCritical: hashed.some(({ type, isCritical }) => isCritical && !UNDERSTOOD.includes(type)),
    proof: {
      hashed: body.subarray(0, hashedEnd),
      prefix: body.subarray(unhashedEnd, unhashedEnd + 2),
      salt: body.subarray(saltStart, saltStart + saltSize),
      numbers: body.subarray(saltStart + saltSize),
    },
    bytes,
  }
}

function parseVersion3(body: Uint8Array, bytes: Uint8Array): OpenPgpSignature {
  if (readNumber(body, 1, 1) !== 5) throw malformed('not 5 hashed bytes in a signature of version 3', 1)
  return {
    version: 3,
    type: readNumber(body, 2, 1),
    created: readNumber(body, 3, 4),
    issuers: [toHex(slice(body, 7, 15)).toUpperCase()],
    publicKeyAlgorithm: readNumber(body, 15, 1),
    hashAlgorithm: readNumber(body, 16, 1),
    hasUnknownCritical: false,
    proof: {
      hashed: slice(body, 2, 7),
      prefix: body.subarray(17, 19),
      salt: body.subarray(0, 0),
      numbers: body.subarray(19),
    },
    bytes,
  }
}

/** RFC 9580, section 5.2.3.7. */
const SUBPACKET = {
  created: 2,
  lifetime: 3,
  keyLifetime: 9,
  issuer: 16,
  keyFlags: 27,
  revocationReason: 29,
  issuerFingerprint: 33,
} as const

/**
 * Subpackets that both GnuPG and Sequoia know: a signature in which they are critical is valid to
 * both.
 */
const UNDERSTOOD: readonly number[] = [2, 3, 4, 9, 11, 16, 21, 22, 23, 25, 27, 29, 30, 32, 33]

interface Subpacket {
  readonly type: number
  /** Whether a reader must understand it. The tools that verify enforce that. */
  readonly isCritical: boolean
  readonly data: Uint8Array
}

function readSubpackets(area: Uint8Array): readonly Subpacket[] {
  const subpackets: Subpacket[] = []
  for (let offset = 0; offset < area.length; ) {
    const first = readNumber(area, offset, 1)
    let size = 1
    let length = first
    if (first >= 192 && first < 255) {
      size = 2
      length = (first - 192) * 256 + readNumber(area, offset + 1, 1) + 192
    } else if (first === 255) {
      size = 5
      length = readNumber(area, offset + 1, 4)
    }
    if (length === 0) throw malformed('an empty subpacket', offset)
    const start = offset + size
    const end = start + length
    const octet = readNumber(area, start, 1)
    const data = slice(area, start + 1, end)
    subpackets.push({ type: octet & 0x7f, isCritical: (octet & 0x80) !== 0, data })
    offset = end
  }
  return subpackets
}

/** The last subpacket of a type, which is the one that counts (section 5.2.3.9). */
function last(subpackets: readonly Subpacket[], type: number): Subpacket | undefined {
  return subpackets.filter(subpacket => subpacket.type === type).at(-1)
}

function seconds(subpackets: readonly Subpacket[], type: number): number | undefined {
  const data = last(subpackets, type)?.data
  if (data !== undefined && data.length !== 4) throw malformed(`subpacket ${type} is not 4 bytes long`, 4)
  return data && readNumber(data, 0, 4)
}

function readIssuer({ type, data }: Subpacket): readonly string[] {
  const hex = toHex(data).toUpperCase()
  if (type === SUBPACKET.issuer && data.length === 8) return [hex]
  // A byte with the key version precedes the fingerprint.
  if (type === SUBPACKET.issuerFingerprint && (data.length === 21 || data.length === 33))
    return [hex.slice(2)]
  return []
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (end > bytes.length) throw malformed('the signature breaks off', start)
  return bytes.subarray(start, end)
}

function malformed(problem: string, offset: number): FormatError {
  return new FormatError('OpenPGP signature', problem, `offset ${offset}`)
}
