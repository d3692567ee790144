/**
 * The numbers of OpenPGP keys, in one spelling whatever packet they come from (RFC 9580, section
 * 5.5.5).
 */
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { isPointOf, type PrimeCurve } from '../keys/prime-curves.ts'
import type { KeyPacket } from './key-packet.ts'
import { readMpiBytes, readMpis } from './mpi.ts'
import { readNumber } from './packets.ts'

/** The material of a key. Numbers are big-endian without leading zeros. */
export type KeyMaterial =
  /** 32 raw bytes. */
  | { readonly kind: 'ed25519'; readonly publicKey: Uint8Array }
  /** 32, 57 and 56 raw bytes, in this order. */
  | { readonly kind: 'x25519' | 'ed448' | 'x448'; readonly publicKey: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | {
      readonly kind: 'dsa'
      readonly numbers: readonly [p: Uint8Array, q: Uint8Array, g: Uint8Array, y: Uint8Array]
    }
  /**
   * An uncompressed point of the curve, for ECDSA or ECDH. `oid` identifies the curve (the contents
   * of its DER).
   */
  | {
      readonly kind: 'point'
      readonly curve: PrimeCurve
      readonly oid: Uint8Array
      readonly point: Uint8Array
    }
  /** An algorithm that is not supported: its number, and everything after it. */
  | { readonly kind: 'other'; readonly algorithm: number; readonly bytes: Uint8Array }

/** RFC 9580, section 9.1. */
const ALGORITHM = {
  ...{ rsa: 1, rsaEncrypt: 2, rsaSign: 3, dsa: 17, ecdh: 18, ecdsa: 19, eddsa: 22 },
  ...{ x25519: 25, x448: 26, ed25519: 27, ed448: 28 },
} as const

/** Whether keys of the algorithm with this number can sign and are supported. */
export function isForSignatures(algorithm: number): boolean {
  const { rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448 } = ALGORITHM
  return ([rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448] as readonly number[]).includes(algorithm)
}

type NativeCurve = 'ed25519' | 'x25519' | 'ed448' | 'x448'

const SIZE: Readonly<Record<NativeCurve, number>> = { ed25519: 32, x25519: 32, ed448: 57, x448: 56 }

/**
 * Curves by every OID (in hex) under which a tool knows them, and the older algorithms that use
 * them: RFC 9580, section 9.2, RFC 8410, section 3, and secp256k1, which GnuPG adds. Only the
 * minimal encoding of each OID is listed: GnuPG reads others as well, which would make two keys of
 * one.
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
 * The material of a key of version 4 or 6. Throws FormatError for one that is truncated or written
 * in an unusual form, such as a compressed point or a curve with an unknown OID: two spellings of
 * one key would count as two keys.
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

/** Reads the size of the OID, the OID, and a point as an MPI. Throws FormatError. */
function readPoint({ algorithm, fingerprint }: KeyPacket, bytes: Uint8Array): KeyMaterial {
  const malformed = (problem: string) => new FormatError('OpenPGP key', problem, fingerprint)
  const size = readNumber(bytes, 0, 1)
  const oid = bytes.subarray(1, 1 + size)
  const curve = CURVES[toHex(oid)]
  if (curve === undefined) {
    throw malformed(`a curve by an OID that is not known in this form: ${toHex(oid)}`)
  }
  // Keeps leading zeros: the bytes in front of a point decide how it is read.
  const point = readMpiBytes(bytes.subarray(1 + size))
  if (isNative(curve)) {
    const isFit = algorithm === (curve.startsWith('ed') ? ALGORITHM.eddsa : ALGORITHM.ecdh)
    if (!isFit) throw malformed(`algorithm ${algorithm} has no keys on ${curve}`)
    const isBehindPrefix = point.length === 1 + SIZE[curve] && point[0] === 0x40
    if (isBehindPrefix) return { kind: curve, publicKey: point.subarray(1) }
    // Keys that only decrypt never count as signers, so two spellings do not matter.
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
