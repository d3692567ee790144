/**
 * Verifies which signatures of a certificate its own key made. The tools do that as well when they
 * judge a file, but they do not report which signatures they accepted, and a certificate's
 * statement about its expiry only counts if its key signed it.
 */
import { constants, createHash, type KeyObject, verify } from 'node:crypto'
import { DER, printDer } from '../../formats/keys/der.ts'
import { type KeyMaterial, keyMaterialOf } from '../../formats/openpgp/key-material.ts'
import { hashedKey, type KeyPacket } from '../../formats/openpgp/key-packet.ts'
import { leftPadded, readMpis } from '../../formats/openpgp/mpi.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import { integer, keyObjectOf } from './key-object.ts'

/** What a primary key signs besides itself: nothing, a subkey, or a user id. */
export type Target =
  | { readonly kind: 'primary' }
  | { readonly kind: 'subkey'; readonly key: KeyPacket }
  | { readonly kind: 'user'; readonly tag: number; readonly id: Uint8Array }

/**
 * Verifies the signatures of certificates within a work limit. After that, it treats every
 * signature as a forgery.
 */
export interface SelfVerifier {
  /**
   * Whether the primary key, or `signer` if given, made this signature over the primary key and the
   * target. Never throws.
   */
  verifies(signature: OpenPgpSignature, primary: KeyPacket, target: Target, signer?: KeyPacket): boolean
  /** Whether the limit was reached, so that some refused signatures may be genuine. */
  isExhausted(): boolean
}

/**
 * Limits on verifications and on bytes hashed for them: some seconds with the slowest algorithm.
 */
const VERIFICATION_LIMIT = 2000
const BYTE_LIMIT = 512 * 1024 * 1024

/** A verifier with a new work limit. */
export function selfVerifier(): SelfVerifier {
  let verifications = 0
  let bytes = 0
  const isExhausted = () => verifications > VERIFICATION_LIMIT || bytes > BYTE_LIMIT
  return {
    isExhausted,
    verifies(signature, primary, target, signer = primary) {
      if (isExhausted() || signature.hasUnknownCritical || !isSound(signature, signer)) return false
      const message = messageOf(signature, primary, target)
      verifications++
      bytes += message.length
      if (isExhausted()) return false
      try {
        return verifyBy(keyMaterialOf(signer), signature, message)
      } catch (error) {
        if (error instanceof FormatError || isFromOpenSsl(error)) return false
        throw error
      }
    },
  }
}

/** RFC 9580, section 9.5, by node's names. MD5 is left out, as in GnuPG. */
const HASHES: Readonly<Record<number, string>> = {
  2: 'sha1',
  3: 'ripemd160',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
  11: 'sha224',
  12: 'sha3-256',
  14: 'sha3-512',
}

/**
 * Whether the signature's algorithm fits the key. RSA has three numbers for the same key material
 * (RFC 9580, section 9.1).
 */
function isSound(signature: OpenPgpSignature, signer: KeyPacket): boolean {
  const { version, publicKeyAlgorithm, created } = signature
  const isOfVersion = signer.version === 6 ? version === 6 : version === 4 || version === 3
  const isRsa = (algorithm: number) => algorithm === 1 || algorithm === 3
  const suits =
    publicKeyAlgorithm === signer.algorithm || (isRsa(publicKeyAlgorithm) && isRsa(signer.algorithm))
  return isOfVersion && suits && created >= signer.created
}

/** The hashed bytes: RFC 9580, section 5.2.4. */
function messageOf({ version, proof }: OpenPgpSignature, primary: KeyPacket, target: Target): Uint8Array {
  const parts = [proof.salt, hashedKey(primary.version, primary.body)]
  if (target.kind === 'subkey') parts.push(hashedKey(target.key.version, target.key.body))
  if (target.kind === 'user') {
    const isAttribute = target.tag === 17
    const frame = version === 3 ? [] : [Buffer.of(isAttribute ? 0xd1 : 0xb4), length(target.id.length)]
    parts.push(...frame, target.id)
  }
  parts.push(proof.hashed)
  if (version !== 3) parts.push(Buffer.of(version, 0xff), length(proof.hashed.length))
  return Buffer.concat(parts)
}

function verifyBy(material: KeyMaterial, signature: OpenPgpSignature, message: Uint8Array): boolean {
  const { publicKeyAlgorithm: algorithm, hashAlgorithm, proof } = signature
  const hash = HASHES[hashAlgorithm]
  if (hash === undefined) return false
  const digest = () => createHash(hash).update(message).digest()
  const { numbers } = proof
  switch (material.kind) {
    case 'ed25519':
      return verifyEd25519(digest(), edwards(algorithm, numbers, 32), material.publicKey)
    case 'ed448':
      return verify(null, digest(), keyObjectOf(material), edwards(algorithm, numbers, 57))
    case 'rsa': {
      const [value = new Uint8Array()] = readMpis(numbers, 1)
      const { length: size } = material.modulus
      const key = { key: keyObjectOf(material), padding: constants.RSA_PKCS1_PADDING }
      return value.length <= size && verify(hash, message, key, leftPadded(value, size))
    }
    case 'dsa':
    case 'point':
      return algorithm !== 18 && verifyDsa(hash, message, keyObjectOf(material), numbers)
    default:
      return false
  }
}

function verifyDsa(hash: string, message: Uint8Array, key: KeyObject, numbers: Uint8Array): boolean {
  const [r = new Uint8Array(), s = new Uint8Array()] = readMpis(numbers, 2)
  return verify(hash, message, { key, dsaEncoding: 'der' }, printDer(DER.sequence, integer(r), integer(s)))
}

/**
 * Both halves of an EdDSA signature: two MPIs in the older form (22), raw bytes in the form of RFC
 * 9580.
 */
function edwards(algorithm: number, numbers: Uint8Array, size: number): Uint8Array {
  if (algorithm !== 22) return numbers.subarray(0, 2 * size)
  const [r = new Uint8Array(), s = new Uint8Array()] = readMpis(numbers, 2)
  // GnuPG writes Ed448 numbers with a prefix byte, as it does for points.
  const half = (number: Uint8Array) =>
    number.length === size + 1 && number[0] === 0x40 ? number.subarray(1) : number
  const [first, second] = [half(r), half(s)]
  if (first.length > size || second.length > size) return new Uint8Array()
  return Buffer.concat([leftPadded(first, size), leftPadded(second, size)])
}

function length(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function isFromOpenSsl(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}
