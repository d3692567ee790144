/**
 * Public keys whatever they were written in, and which of them are acceptable: RSA of a size that nobody breaks, points
 * that lie on their curve. Ed25519 points are looked at in src/policy/language/weak-point.ts.
 */
import { FormatError } from '../../primitives/format-error.ts'

/** The curves of NIST (FIPS 186-4, D.1.2; RFC 5656, section 10.1) by their names in SSH. */
export type Curve = 'nistp256' | 'nistp384' | 'nistp521'

export interface Ed25519PublicKey {
  readonly kind: 'ed25519'
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
}

export interface EcdsaPublicKey {
  readonly kind: 'ecdsa'
  readonly curve: Curve
  /** The point, uncompressed: 0x04 and both coordinates. */
  readonly publicKey: Uint8Array
}

export interface RsaPublicKey {
  readonly kind: 'rsa'
  /** Big-endian, without leading zeros; 2048 to 16384 bits, odd. */
  readonly modulus: Uint8Array
  /** Big-endian, without leading zeros; odd, 65537 to 2^32. */
  readonly exponent: Uint8Array
}

export type PublicKey = Ed25519PublicKey | EcdsaPublicKey | RsaPublicKey

const MODULUS_BITS = { least: 2048, most: 16384 } as const

/** An RSA key of these numbers, big-endian without leading zeros. Throws FormatError in the name of `format`. */
export function rsaKey(modulus: Uint8Array, exponent: Uint8Array, format: string): RsaPublicKey {
  const refuse = (what: string) => new FormatError(format, what, 'RSA')
  const bits = bitLength(modulus)
  const { least, most } = MODULUS_BITS
  if (bits < least || bits > most) throw refuse(`${bits} bits, and ${least} to ${most} are accepted`)
  const value = exponent.length > 4 ? 0 : exponent.reduce((sum, byte) => sum * 256 + byte, 0)
  if (value < 65537) throw refuse('a public exponent below 65537 or above 32 bits')
  if (value % 2 === 0 || (modulus.at(-1) ?? 0) % 2 === 0) throw refuse('an even number where no key has one')
  return { kind: 'rsa', modulus, exponent }
}

/** An ECDSA key of an uncompressed point. Throws FormatError in the name of `format` if it does not lie on the curve. */
export function ecdsaKey(curve: Curve, point: Uint8Array, format: string): EcdsaPublicKey {
  const size = coordinateSize(curve)
  if (point.length !== 1 + 2 * size || point[0] !== 4) {
    throw new FormatError(format, `not an uncompressed point of ${curve}`, 'ECDSA')
  }
  if (!isOnCurve(curve, bigIntOf(point.subarray(1, 1 + size)), bigIntOf(point.subarray(1 + size)))) {
    throw new FormatError(format, `not a point of ${curve}`, 'ECDSA')
  }
  return { kind: 'ecdsa', curve, publicKey: point }
}

/** Bytes of a coordinate, and of each half of a signature. */
export function coordinateSize(curve: Curve): number {
  return { nistp256: 32, nistp384: 48, nistp521: 66 }[curve]
}

/** y^2 = x^3 - 3x + b. These curves have a prime order, so every point but the one at infinity is a fit key. */
function isOnCurve(curve: Curve, x: bigint, y: bigint): boolean {
  const { p, b } = parametersOf(curve)
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n
}

/** FIPS 186-4, D.1.2.3 to D.1.2.5. */
function parametersOf(curve: Curve): { readonly p: bigint; readonly b: bigint } {
  switch (curve) {
    case 'nistp256':
      return {
        p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
        b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
      }
    case 'nistp384':
      return {
        p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
        b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
      }
    case 'nistp521':
      return {
        p: 2n ** 521n - 1n,
        b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
      }
  }
}

function bitLength(number: Uint8Array): number {
  return number.length === 0 ? 0 : 8 * number.length - (Math.clz32(number[0] ?? 0) - 24)
}

function bigIntOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
