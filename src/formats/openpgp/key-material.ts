/** The numbers of OpenPGP keys, each in one spelling whatever packet they stand in (RFC 9580, section 5.5.5). */
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { isPointOf, type PrimeCurve } from '../keys/prime-curves.ts'
import type { KeyPacket } from './key-packet.ts'
import { readMpiBytes, readMpis } from './mpi.ts'
import { readNumber } from './packets.ts'

/** Numbers are big-endian without leading zeros. */
export type KeyMaterial =
  /** 32 raw bytes. */
  | { readonly kind: 'ed25519'; readonly publicKey: Uint8Array }
  /** 32, 57 and 56 raw bytes. */
  | { readonly kind: 'x25519' | 'ed448' | 'x448'; readonly publicKey: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | {
      readonly kind: 'dsa'
      readonly numbers: readonly [p: Uint8Array, q: Uint8Array, g: Uint8Array, y: Uint8Array]
    }
  /** A point of the curve, uncompressed, for ECDSA or ECDH; `oid` is the curve's, the contents of its DER. */
  | {
      readonly kind: 'point'
      readonly curve: PrimeCurve
      readonly oid: Uint8Array
      readonly point: Uint8Array
    }
  /** Of an algorithm that is not read: its number, and all that follows it. */
  | { readonly kind: 'other'; readonly algorithm: number; readonly bytes: Uint8Array }

/** RFC 9580, section 9.1. */
const ALGORITHM = {
  ...{ rsa: 1, rsaEncrypt: 2, rsaSign: 3, dsa: 17, ecdh: 18, ecdsa: 19, eddsa: 22 },
  ...{ x25519: 25, x448: 26, ed25519: 27, ed448: 28 },
} as const

/** Whether keys of an algorithm, by its number, can sign, and are read here. */
export function isForSignatures(algorithm: number): boolean {
  const { rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448 } = ALGORITHM
  return ([rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448] as readonly number[]).includes(algorithm)
}

type NativeCurve = 'ed25519' | 'x25519' | 'ed448' | 'x448'

const SIZE: Readonly<Record<NativeCurve, number>> = { ed25519: 32, x25519: 32, ed448: 57, x448: 56 }

/**
 * Curves by all of the OIDs by which a tool knows them, in hex, and the older algorithms that use them: RFC 9580,
 * section 9.2, RFC 8410, section 3, and secp256k1, which GnuPG has besides. Each OID has its one shortest encoding: GnuPG
 * reads others as well, by which one key would pass for two.
 */
const CURVES: Readonly<Record<string, PrimeCurve | NativeCurve>> = {
  '2a8648ce3d030107': 'nistp256',
  '2b81040022': 'nistp384',
  '2b81040023': 'nistp521',
  '2b8104000a': 'secp256k1',
  '2b2403030208010107': 'brainpoolP256r1',
  '2b240303020801010b': 'brainpoolP384r1',
  '2b240303020801010d': 'brainpoolP512r1',
  '2b06010401da470f01': 'ed25519',
  '2b6570': 'ed25519',
  '2b060104019755010501': 'x25519',
  '2b656e': 'x25519',
  '2b6571': 'ed448',
  '2b656f': 'x448',
}

/**
 * The material of a key of version 4 or 6. Throws FormatError for one that breaks off or is written in an unusual form,
 * such as a compressed point or a curve by an unknown OID: two spellings of one key would pass for two keys.
 */
export function keyMaterialOf(key: KeyPacket): KeyMaterial {
  const { version, algorithm, body } = key
  if (version !== 4 && version !== 6) return { kind: 'other', algorithm: -version, bytes: body.subarray(5) }
  const bytes = body.subarray(version === 6 ? 10 : 6)
  switch (algorithm) {
    case ALGORITHM.rsa:
    case ALGORITHM.rsaEncrypt:
    case ALGORITHM.rsaSign: {
      const [modulus = EMPTY, exponent = EMPTY] = readMpis(bytes, 2)
      return { kind: 'rsa', modulus, exponent }
    }
    case ALGORITHM.dsa: {
      const [p = EMPTY, q = EMPTY, g = EMPTY, y = EMPTY] = readMpis(bytes, 4)
      return { kind: 'dsa', numbers: [p, q, g, y] }
    }
    case ALGORITHM.ecdh:
    case ALGORITHM.ecdsa:
    case ALGORITHM.eddsa:
      return readPoint(key, bytes)
    case ALGORITHM.x25519:
      return rawKey('x25519', key, bytes)
    case ALGORITHM.x448:
      return rawKey('x448', key, bytes)
    case ALGORITHM.ed25519:
      return rawKey('ed25519', key, bytes)
    case ALGORITHM.ed448:
      return rawKey('ed448', key, bytes)
    default:
      return { kind: 'other', algorithm, bytes }
  }
}

/** The size of the OID, the OID, and a point as a number. */
function readPoint({ algorithm, fingerprint }: KeyPacket, bytes: Uint8Array): KeyMaterial {
  const malformed = (problem: string) => new FormatError('OpenPGP key', problem, fingerprint)
  const size = readNumber(bytes, 0, 1)
  const oid = bytes.subarray(1, 1 + size)
  const curve = CURVES[toHex(oid)]
  if (curve === undefined) {
    throw malformed(`a curve by an OID that is not known in this form: ${toHex(oid)}`)
  }
  // With its zeros: what stands in front of a point decides how it is read.
  const point = readMpiBytes(bytes.subarray(1 + size))
  if (isNative(curve)) {
    const isFit = algorithm === (curve.startsWith('ed') ? ALGORITHM.eddsa : ALGORITHM.ecdh)
    if (!isFit) throw malformed(`algorithm ${algorithm} has no keys on ${curve}`)
    const isBehindPrefix = point.length === 1 + SIZE[curve] && point[0] === 0x40
    if (isBehindPrefix) return { kind: curve, publicKey: point.subarray(1) }
    // Keys that only decrypt fill no seats, so two spellings do not matter.
    if (algorithm === ALGORITHM.ecdh && point.length === SIZE[curve]) return { kind: curve, publicKey: point }
    throw malformed(`not a point in the form of ${curve}, behind 0x40`)
  }
  if (algorithm === ALGORITHM.eddsa) throw malformed(`algorithm ${algorithm} has no keys on ${curve}`)
  if (point[0] !== 4) throw malformed(`not an uncompressed point of ${curve}`)
  if (!isPointOf(curve, point)) throw malformed(`not a point of ${curve}`)
  return { kind: 'point', curve, oid, point }
}

function isNative(curve: PrimeCurve | NativeCurve): curve is NativeCurve {
  return curve in SIZE
}

function rawKey(kind: NativeCurve, { fingerprint }: KeyPacket, bytes: Uint8Array): KeyMaterial {
  const size = SIZE[kind]
  if (bytes.length < size) throw new FormatError('OpenPGP key', 'breaks off', fingerprint)
  return { kind, publicKey: bytes.subarray(0, size) }
}

const EMPTY = new Uint8Array()
