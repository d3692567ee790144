/**
 * Verification with a bare public key: Ed25519 by libsodium alone, ECDSA and RSA by node:crypto,
 * which is loaded on demand because most of what the hooks verify is Ed25519.
 */
import type { KeyObject } from 'node:crypto'
import { ecdsaFromDer } from '../formats/keys/ecdsa-signature.ts'
import {
  coordinateSize,
  type EcdsaPublicKey,
  type PublicKey,
  type RsaPublicKey,
} from '../formats/keys/public-key.ts'
import { FormatError } from '../primitives/format-error.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'

/** Hash algorithms by their names in node:crypto. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

/**
 * Whether this key made this signature over this message.
 *
 *     Ed25519   RFC 8032, 64 bytes; `hash` is ignored
 *     ECDSA     over the hash of the message. By `encoding` in DER, or r and s of the curve's size
 *               (IEEE P1363)
 *     RSA       RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2) with this hash, SHA-256 or SHA-512; as
 *               long as the modulus
 *
 * A malformed signature gives false, like one that does not verify. Throws for a hash that the key
 * may not use.
 */
export async function verifySignature(
  key: PublicKey,
  signed: {
    readonly message: Uint8Array
    readonly hash: HashName
    readonly signature: Uint8Array
    /** `der` by default. */
    readonly encoding?: 'der' | 'fixed'
  },
): Promise<boolean> {
  const { message, hash, signature, encoding = 'der' } = signed
  switch (key.kind) {
    case 'ed25519':
      return verifyEd25519(message, signature, key.publicKey)
    case 'ecdsa': {
      const fixed = encoding === 'fixed' ? signature : fixedOf(signature, key)
      if (fixed?.length !== 2 * coordinateSize(key.curve)) return false
      const { verify } = await import('node:crypto')
      return verify(hash, message, { key: await keyObjectOf(key), dsaEncoding: 'ieee-p1363' }, fixed)
    }
    case 'rsa': {
      if (hash === 'sha384') throw new TypeError('RSA signatures are by SHA-256 or SHA-512')
      if (signature.length !== key.modulus.length) return false
      const { constants, verify } = await import('node:crypto')
      const padding = constants.RSA_PKCS1_PADDING
      return verify(hash, message, { key: await keyObjectOf(key), padding }, signature)
    }
  }
}

/**
 * The hash that belongs to a curve where a format does not state another (RFC 5656, section 6.2.1;
 * FIPS 186-5).
 */
export function hashOfCurve(curve: EcdsaPublicKey['curve']): HashName {
  return ({ nistp256: 'sha256', nistp384: 'sha384', nistp521: 'sha512' } as const)[curve]
}

function fixedOf(der: Uint8Array, key: EcdsaPublicKey): Uint8Array | undefined {
  try {
    return ecdsaFromDer(der, key.curve)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** A key for node:crypto. Throws node's Error if the key is invalid. */
export async function keyObjectOf(key: EcdsaPublicKey | RsaPublicKey): Promise<KeyObject> {
  const { createPublicKey } = await import('node:crypto')
  return createPublicKey({ format: 'jwk', key: jwkOf(key) })
}

/** RFC 7518, sections 6.2.1 and 6.3.1. */
function jwkOf(key: EcdsaPublicKey | RsaPublicKey) {
  if (key.kind === 'rsa') return { kty: 'RSA', n: base64Url(key.modulus), e: base64Url(key.exponent) }
  const size = coordinateSize(key.curve)
  const crv = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' }[key.curve]
  const [x, y] = [key.publicKey.subarray(1, 1 + size), key.publicKey.subarray(1 + size)]
  return { kty: 'EC', crv, x: base64Url(x), y: base64Url(y) }
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
