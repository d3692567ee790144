/**
 * Public keys in any form, and the checks that make them acceptable: RSA keys that are too large to
 * be broken, points that lie on their curve. Ed25519 points are checked in weak-point.ts.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { coordinateSize, isPointOf } from './prime-curves.ts'

export { coordinateSize } from './prime-curves.ts'

/** The NIST curves (FIPS 186-4, D.1.2; RFC 5656, section 10.1) by their SSH names. */
export type Curve = 'nistp256' | 'nistp384' | 'nistp521'

/** An Ed25519 key. */
export interface Ed25519PublicKey {
  readonly kind: 'ed25519'
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
}

/** An ECDSA key on a NIST curve. */
export interface EcdsaPublicKey {
  readonly kind: 'ecdsa'
  readonly curve: Curve
  /** The uncompressed point: 0x04 and both coordinates. */
  readonly publicKey: Uint8Array
}

/** An RSA key. */
export interface RsaPublicKey {
  readonly kind: 'rsa'
  /** Big-endian, without leading zeros; 2048 to 16384 bits, odd. */
  readonly modulus: Uint8Array
  /** Big-endian, without leading zeros; odd, 65537 to 2^32. */
  readonly exponent: Uint8Array
}

/** A public key of any supported algorithm. */
export type PublicKey = Ed25519PublicKey | EcdsaPublicKey | RsaPublicKey

const MODULUS_BITS = { least: 2048, most: 16384 } as const

/**
 * An RSA key with these numbers, big-endian without leading zeros. Throws FormatError in the name
 * of `format`.
 */
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

/**
 * An ECDSA key with this uncompressed point. Throws FormatError in the name of `format` if it is
 * not on the curve.
 */
export function ecdsaKey(curve: Curve, point: Uint8Array, format: string): EcdsaPublicKey {
  if (point.length !== 1 + 2 * coordinateSize(curve) || point[0] !== 4) {
    throw new FormatError(format, `not an uncompressed point of ${curve}`, 'ECDSA')
  }
  if (!isPointOf(curve, point)) {
    throw new FormatError(format, `not a point of ${curve}`, 'ECDSA')
  }
  return { kind: 'ecdsa', curve, publicKey: point }
}

/** The bit length of a big-endian number whose first byte is not zero. */
export function bitLength(number: Uint8Array): number {
  return number.length === 0 ? 0 : 8 * number.length - (Math.clz32(number[0] ?? 0) - 24)
}
