import { toHex } from '../../primitives/hex.ts'
import { sha1 } from '../../primitives/sha1.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { bitLength } from '../keys/public-key.ts'
import { readMpis } from './mpi.ts'
import { readNumber } from './packets.ts'

/** A public key or subkey packet (RFC 9580, section 5.5.2). */
export interface KeyPacket {
  /** Only keys of versions 4 and 6 are read beyond this. */
  readonly version: number
  /** Seconds since 1970. */
  readonly created: number
  readonly algorithm: number
  /** For RSA and DSA: the bit length of the modulus itself, whatever the packet claims. */
  readonly bits?: number
  /**
   * Upper-case hex: 40 digits (version 4) or 64 (version 6). Empty for other versions, which
   * nothing can refer to.
   */
  readonly fingerprint: string
  /** Upper-case hex, 16 digits. Empty for other versions. */
  readonly keyId: string
  readonly body: Uint8Array
}

/** Parses the body of a key packet. Throws FormatError if it is truncated. */
export function parseKeyPacket(body: Uint8Array): KeyPacket {
  const version = readNumber(body, 0, 1)
  const created = readNumber(body, 1, 4)
  if (version !== 4 && version !== 6) {
    return { version, created, algorithm: 0, fingerprint: '', keyId: '', body }
  }
  const algorithm = readNumber(body, 5, 1)
  // RSA begins with its modulus, DSA with its prime. Version 6 has 4 bytes of length before them.
  const hasModulus = algorithm <= 3 || algorithm === 17
  const [modulus] = hasModulus ? readMpis(body.subarray(version === 4 ? 6 : 10), 1) : []
  const bits = modulus === undefined ? {} : { bits: bitLength(modulus) }
  const hash = version === 6 ? sha256 : sha1
  const fingerprint = toHex(hash(hashedKey(version, body))).toUpperCase()
  const keyId = version === 6 ? fingerprint.slice(0, 16) : fingerprint.slice(-16)
  return { version, created, algorithm, ...bits, fingerprint, keyId, body }
}

/**
 * The bytes that are hashed for a key, in its fingerprint and in signatures over it (RFC 9580,
 * sections 5.2.4 and 5.5.4).
 */
export function hashedKey(version: number, body: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return version === 6
    ? Buffer.concat([Buffer.of(0x9b), length, body])
    : Buffer.concat([Buffer.of(0x99), length.subarray(2), body])
}
