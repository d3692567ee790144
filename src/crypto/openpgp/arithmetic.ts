/**
 * The arithmetic of OpenPGP signatures, in this process: Ed25519 by libsodium, the rest by node's
 * OpenSSL. It says nothing about whether a key may sign, or still counts.
 */
import { constants, createHash, type KeyObject, verify } from 'node:crypto'
import { DER, printDer } from '../../formats/keys/der.ts'
import { type KeyMaterial, keyMaterialOf } from '../../formats/openpgp/key-material.ts'
import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import { leftPadded, mpiSize, readMpis } from '../../formats/openpgp/mpi.ts'
import type { OpenPgpSignature } from '../../formats/openpgp/signature.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import { integer, keyObjectOf } from './key-object.ts'

/**
 * Whether this key made this signature over the bytes of a file (type 0x00; RFC 9580, section
 * 5.2.4). Also false for a packet that a reader may understand in another way: bytes after its
 * numbers, a salt of another length than its hash has, other first bytes of the hash. Never throws.
 */
export function isMadeOver(signature: OpenPgpSignature, signer: KeyPacket, document: Uint8Array): boolean {
  const { type, hasUnknownCritical, hashAlgorithm, version, proof } = signature
  if (hasUnknownCritical || type !== 0 || !isSound(signature, signer) || !isWhole(signature)) return false
  const hash = HASHES[hashAlgorithm]
  if (hash === undefined || (version === 6 && proof.salt.length !== SALT_SIZES[hashAlgorithm])) return false
  const message = Buffer.concat([proof.salt, document, trailerOf(signature)])
  const [first, second] = createHash(hash).update(message).digest()
  return first === proof.prefix[0] && second === proof.prefix[1] && isMadeBy(signature, signer, message)
}

/** RFC 9580, section 9.5, table 23. */
const SALT_SIZES: Readonly<Record<number, number>> = { 8: 16, 9: 24, 10: 32, 11: 16, 12: 16, 14: 32 }

/** Whether nothing follows the numbers of a signature. */
function isWhole({ publicKeyAlgorithm: algorithm, proof: { numbers } }: OpenPgpSignature): boolean {
  if (algorithm >= 25) return numbers.length === (algorithm === 27 ? 64 : 114)
  let at = 0
  for (let left = algorithm === 1 || algorithm === 3 ? 1 : 2; left > 0; left--) {
    if (at + 2 > numbers.length) return false
    at += mpiSize(numbers.subarray(at))
  }
  return at === numbers.length
}

/** Whether this key made this signature, over all bytes that are hashed for it. Never throws. */
export function isMadeBy(signature: OpenPgpSignature, signer: KeyPacket, message: Uint8Array): boolean {
  try {
    return verifyBy(keyMaterialOf(signer), signature, message)
  } catch (error) {
    if (error instanceof FormatError || isFromOpenSsl(error)) return false
    throw error
  }
}

/** What of a signature itself is hashed after everything else (RFC 9580, section 5.2.4). */
export function trailerOf({ version, proof }: OpenPgpSignature): Uint8Array {
  if (version === 3) return proof.hashed
  const end = Buffer.alloc(6)
  end.writeUInt8(version)
  end.writeUInt8(0xff, 1)
  end.writeUInt32BE(proof.hashed.length, 2)
  return Buffer.concat([proof.hashed, end])
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
export function isSound(signature: OpenPgpSignature, signer: KeyPacket): boolean {
  const { version, publicKeyAlgorithm, created } = signature
  const isOfVersion = signer.version === 6 ? version === 6 : version === 4 || version === 3
  const isRsa = (algorithm: number) => algorithm === 1 || algorithm === 3
  const suits =
    publicKeyAlgorithm === signer.algorithm || (isRsa(publicKeyAlgorithm) && isRsa(signer.algorithm))
  return isOfVersion && suits && created >= signer.created
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

function isFromOpenSsl(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}
