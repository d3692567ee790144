/** The numbers of OpenPGP keys, each in one spelling whatever packet they stand in (RFC 9580, section 5.5.5). */
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import type { Curve } from '../keys/public-key.ts'
import type { KeyPacket } from './key-packet.ts'
import { readNumber } from './packets.ts'

/** Numbers are big-endian without leading zeros. */
export type KeyMaterial =
  /** 32 raw bytes. */
  | { readonly kind: 'ed25519'; readonly publicKey: Uint8Array }
  | { readonly kind: 'x25519'; readonly publicKey: Uint8Array }
  /** 57 raw bytes. */
  | { readonly kind: 'ed448'; readonly publicKey: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | {
      readonly kind: 'dsa'
      readonly numbers: readonly [p: Uint8Array, q: Uint8Array, g: Uint8Array, y: Uint8Array]
    }
  /** A point of a curve, for ECDSA or ECDH: `oid` as in the packet; of NIST's curves uncompressed. */
  | { readonly kind: 'point'; readonly oid: Uint8Array; readonly curve?: Curve; readonly point: Uint8Array }
  /** Of an algorithm that is not read: its number, and all that follows it. */
  | { readonly kind: 'other'; readonly algorithm: number; readonly bytes: Uint8Array }

const CURVES: Readonly<Record<string, Curve>> = {
  '2a8648ce3d030107': 'nistp256',
  '2b81040022': 'nistp384',
  '2b81040023': 'nistp521',
}
const COORDINATE: Readonly<Record<Curve, number>> = { nistp256: 32, nistp384: 48, nistp521: 66 }
const ED25519_OID = '2b06010401da470f01'
const CURVE25519_OID = '2b060104019755010501'
const ED448_OID = '2b6571'

/**
 * The material of a key of version 4 or 6. Throws FormatError for one that breaks off or is written in an unusual form,
 * such as a compressed point: two spellings of one key would pass for two keys.
 */
export function keyMaterialOf({ version, algorithm, body }: KeyPacket): KeyMaterial {
  if (version !== 4 && version !== 6) return { kind: 'other', algorithm: -version, bytes: body.subarray(5) }
  const bytes = body.subarray(version === 6 ? 10 : 6)
  switch (algorithm) {
    case 1:
    case 2:
    case 3: {
      const [modulus = EMPTY, exponent = EMPTY] = readMpis(bytes, 2)
      return { kind: 'rsa', modulus, exponent }
    }
    case 17: {
      const [p = EMPTY, q = EMPTY, g = EMPTY, y = EMPTY] = readMpis(bytes, 4)
      return { kind: 'dsa', numbers: [p, q, g, y] }
    }
    case 18:
    case 19:
    case 22:
      return readPoint(bytes)
    case 25:
      return { kind: 'x25519', publicKey: rawBytes(bytes, 32) }
    case 27:
      return { kind: 'ed25519', publicKey: rawBytes(bytes, 32) }
    case 28:
      return { kind: 'ed448', publicKey: rawBytes(bytes, 57) }
    default:
      return { kind: 'other', algorithm, bytes }
  }
}

/** So many multiprecision integers from the beginning (RFC 9580, section 3.2). Throws FormatError if they break off. */
export function readMpis(bytes: Uint8Array, count: number): readonly Uint8Array[] {
  const numbers: Uint8Array[] = []
  let offset = 0
  for (let index = 0; index < count; index++) {
    const end = offset + 2 + Math.ceil(readNumber(bytes, offset, 2) / 8)
    if (end > bytes.length) throw malformed('breaks off')
    numbers.push(withoutZeros(bytes.subarray(offset + 2, end)))
    offset = end
  }
  return numbers
}

function readPoint(bytes: Uint8Array): KeyMaterial {
  const size = readNumber(bytes, 0, 1)
  const oid = bytes.subarray(1, 1 + size)
  const [point = EMPTY] = readMpis(bytes.subarray(1 + size), 1)
  const name = toHex(oid)
  if (name === ED25519_OID) return { kind: 'ed25519', publicKey: nativePoint(point, 32) }
  if (name === CURVE25519_OID) return { kind: 'x25519', publicKey: nativePoint(point, 32) }
  if (name === ED448_OID) return { kind: 'ed448', publicKey: nativePoint(point, 57) }
  const curve = CURVES[name]
  if (curve === undefined) return { kind: 'point', oid, point }
  if (point[0] !== 4 || point.length !== 1 + 2 * COORDINATE[curve]) {
    throw malformed(`not an uncompressed point of ${curve}`)
  }
  return { kind: 'point', oid, curve, point }
}

/** In the curve's own form, after 0x40; GnuPG also takes it without. */
function nativePoint(point: Uint8Array, size: number): Uint8Array {
  if (point.length === size + 1 && point[0] === 0x40) return point.subarray(1)
  if (point.length > size) throw malformed('not a point in the form of its curve')
  return leftPadded(point, size)
}

/** A number with zeros in front, as long as `size`. */
export function leftPadded(number: Uint8Array, size: number): Uint8Array {
  const padded = new Uint8Array(size)
  padded.set(number, size - number.length)
  return padded
}

function rawBytes(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length < size) throw malformed('breaks off')
  return bytes.subarray(0, size)
}

function withoutZeros(number: Uint8Array): Uint8Array {
  let start = 0
  while (start < number.length && number[start] === 0) start++
  return number.subarray(start)
}

const EMPTY = new Uint8Array()

function malformed(problem: string): FormatError {
  return new FormatError('OpenPGP key', problem, 'key material')
}
