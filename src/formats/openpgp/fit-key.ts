/**
 * Keys for which anybody could forge signatures. No honest program makes them, and certificates
 * that contain one are refused.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { bigIntOf } from '../keys/prime-curves.ts'
import { bitLength } from '../keys/public-key.ts'
import { isWeakPoint } from '../keys/weak-point.ts'
import { type KeyMaterial, keyMaterialOf } from './key-material.ts'
import type { KeyPacket } from './key-packet.ts'

/**
 * The material of a key, which may still be too short (src/crypto/openpgp/standing.ts checks that).
 * Throws FormatError for a key that everybody can use, or that has more than one spelling.
 */
export function fitMaterialOf(key: KeyPacket): KeyMaterial {
  const material = keyMaterialOf(key)
  const weakness = weaknessOf(material)
  if (weakness === undefined) return material
  throw new FormatError('OpenPGP key', `${weakness}: anybody could sign for it`, key.fingerprint)
}

function weaknessOf(material: KeyMaterial): string | undefined {
  switch (material.kind) {
    case 'ed25519':
      return isWeakPoint(material.publicKey) ? 'not a canonical point of large order' : undefined
    case 'ed448':
      return isWeakOnEd448(material.publicKey) ? 'not a canonical point of large order' : undefined
    case 'rsa':
      return weaknessOfRsa(material.modulus, material.exponent)
    case 'dsa':
      return weaknessOfDsa(material.numbers)
    default:
      return undefined
  }
}

/**
 * RFC 8032, section 5.2: the points of orders 1, 2 and 4 have y = 1, -1 and 0. The last byte only
 * holds the sign of x.
 */
function isWeakOnEd448(publicKey: Uint8Array): boolean {
  const prime = 2n ** 448n - 2n ** 224n - 1n
  const y = bigIntOf(publicKey.subarray(0, 56).toReversed())
  return ((publicKey[56] ?? 0) & 0x7f) !== 0 || y >= prime || [0n, 1n, prime - 1n].includes(y)
}

/**
 * With exponent 1, a signature equals what it signs. Exponents have 64 bits at most, so none equals
 * 1 modulo the group's order.
 */
function weaknessOfRsa(modulus: Uint8Array, exponent: Uint8Array): string | undefined {
  const isEven = (number: Uint8Array) => (number.at(-1) ?? 0) % 2 === 0
  if (isEven(modulus) || isEven(exponent)) return 'an even number where no RSA key has one'
  if (bitLength(exponent) < 2) return 'an RSA key with exponent 1'
  return bitLength(exponent) > 64 ? 'an RSA key with an exponent above 64 bits' : undefined
}

/** Shorter DSA keys may not sign at all, so they are not checked. */
const FULL_BITS = 2048

/** FIPS 186-4, sections 4.1 and 4.4: g and y are below p, and of order q. */
function weaknessOfDsa(
  numbers: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array],
): string | undefined {
  const [p, q, g, y] = numbers.map(bigIntOf) as [bigint, bigint, bigint, bigint]
  if (bitLength(numbers[0]) > 16384 || bitLength(numbers[1]) < 160) return 'DSA of an unknown size'
  const isBase = (number: bigint) => number > 1n && number < p - 1n
  if (p % 2n === 0n || q >= p || !isBase(g) || !isBase(y)) return 'a DSA key out of its range'
  if (bitLength(numbers[0]) < FULL_BITS) return undefined
  return power(g, q, p) === 1n && power(y, q, p) === 1n ? undefined : 'a DSA key of another order'
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus
    if (bit === '1') result = (result * base) % modulus
  }
  return result
}
