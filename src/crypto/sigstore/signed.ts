/**
 * Verifies the signatures in Sigstore bundles with a public key. Heavy: loads node:crypto; load it
 * by `import()` only.
 */
import { createPublicKey, createVerify, type KeyObject, verify } from 'node:crypto'
import { pae } from '../../formats/in-toto/dsse.ts'
import type { SigstoreBundle, SigstoreHash } from '../../formats/sigstore/bundle.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import { contentsOf, type OpenedFile } from '../detached/opened-file.ts'

/**
 * What was signed: a file, hashed by the algorithm that the bundle names if it names one, or bytes,
 * hashed by the algorithm that belongs to the key.
 */
export type Signed =
  | { readonly kind: 'file'; readonly file: OpenedFile; readonly hash: SigstoreHash | undefined }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

/** An Ed25519 signature is over the file itself, which then has to fit into memory. */
const ED25519_FILE_LIMIT = 1024 * 1024 * 1024
const RSA_BITS = 2048

/** The hash that belongs to a curve (sigstore/architecture-docs, algorithm-registry.md). */
const CURVE_HASHES: ReadonlyMap<string, SigstoreHash> = new Map([
  ['prime256v1', 'sha256'],
  ['secp384r1', 'sha384'],
  ['secp521r1', 'sha512'],
])

/** What the signature in a bundle is over, for a bundle about this file. */
export function signedBy(content: SigstoreBundle['content'], file: OpenedFile): Signed {
  if (content.kind === 'message') return { kind: 'file', file, hash: content.claimed?.hash }
  return { kind: 'bytes', bytes: pae(content.payloadType, content.payload) }
}

/** The key of a SubjectPublicKeyInfo (DER). Throws node's Error if it is malformed. */
export function publicKeyOf(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
}

/**
 * Why a key may not sign; undefined if it may: Ed25519, ECDSA over NIST curves, RSA of at least
 * 2048 bits.
 */
export function whyUnfit(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return undefined
  if (type === 'ec') {
    return CURVE_HASHES.has(details?.namedCurve ?? '') ? undefined : 'a curve that is not supported'
  }
  if (type !== 'rsa') return 'a kind of key that is not supported'
  return (details?.modulusLength ?? 0) < RSA_BITS ? `an RSA key below ${RSA_BITS} bits` : undefined
}

/**
 * Whether this key made a signature: Ed25519 (by libsodium), ECDSA in DER, or RSA with PKCS #1
 * v1.5. False for an unfit key, and for an Ed25519 signature over a file of more than 1 GiB.
 */
export async function isSignedBy(key: KeyObject, signed: Signed, signature: Uint8Array): Promise<boolean> {
  if (whyUnfit(key) !== undefined) return false
  if (key.asymmetricKeyType === 'ed25519') return isSignedByEd25519(key, signed, signature)
  const usual = CURVE_HASHES.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 'sha256'
  if (signed.kind === 'bytes') {
    // Some signers use SHA-256 for every curve.
    return [...new Set([usual, 'sha256'])].some(hash => verify(hash, signed.bytes, key, signature))
  }
  const verifier = createVerify(signed.hash ?? usual)
  for await (const piece of contentsOf(signed.file)) verifier.update(piece)
  return verifier.verify(key, signature)
}

async function isSignedByEd25519(key: KeyObject, signed: Signed, signature: Uint8Array): Promise<boolean> {
  const raw = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
  if (signed.kind === 'bytes') return verifyEd25519(signed.bytes, signature, raw)
  if (signed.file.size > ED25519_FILE_LIMIT) return false
  const pieces: Uint8Array[] = []
  for await (const piece of contentsOf(signed.file)) pieces.push(piece)
  return verifyEd25519(Buffer.concat(pieces), signature, raw)
}
