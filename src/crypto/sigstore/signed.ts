/**
 * Verifies the signatures in Sigstore bundles with a public key. Heavy: loads node:crypto; reached by `import()` alone.
 */
import { createPublicKey, createVerify, type KeyObject, verify } from 'node:crypto'
import { pae } from '../../formats/in-toto/dsse.ts'
import type { SigstoreBundle, SigstoreHash } from '../../formats/sigstore/bundle.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import { contentsOf, type OpenedFile } from '../detached/opened-file.ts'

/**
 * What was signed: a file, by the hash that the bundle names if it does, or bytes, by the one that goes with the key.
 */
export type Signed =
  | { readonly kind: 'file'; readonly file: OpenedFile; readonly hash: SigstoreHash | undefined }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }

/** Ed25519 signs the file itself, which then has to fit into memory. */
const ED25519_FILE_LIMIT = 1024 * 1024 * 1024
const RSA_BITS = 2048

/** The hash that goes with a curve (sigstore/architecture-docs, algorithm-registry.md). */
const CURVE_HASHES: ReadonlyMap<string, SigstoreHash> = new Map([
  ['prime256v1', 'sha256'],
  ['secp384r1', 'sha384'],
  ['secp521r1', 'sha512'],
])

/** What the signature in a bundle is over, where the bundle is about this file. */
export function signedBy(content: SigstoreBundle['content'], file: OpenedFile): Signed {
  if (content.kind === 'message') return { kind: 'file', file, hash: content.claimed?.hash }
  return { kind: 'bytes', bytes: pae(content.payloadType, content.payload) }
}

/** The key of a SubjectPublicKeyInfo (DER). Throws an Error of node's if it is none. */
export function publicKeyOf(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
}

/** Why a key may not sign; undefined if it may: Ed25519, ECDSA over NIST's curves, RSA of 2048 bits and more. */
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
 * Whether a signature is by this key: Ed25519 (by libsodium), ECDSA in DER, or RSA by PKCS #1 v1.5. False for a key
 * that is unfit, and for an Ed25519 signature over a file of more than 1 GiB.
 */
export async function isSignedBy(key: KeyObject, signed: Signed, signature: Uint8Array): Promise<boolean> {
  if (whyUnfit(key) !== undefined) return false
  if (key.asymmetricKeyType === 'ed25519') return isSignedByEd25519(key, signed, signature)
  const usual = CURVE_HASHES.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 'sha256'
  if (signed.kind === 'bytes') {
    // Some signers take SHA-256 whatever the curve.
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
