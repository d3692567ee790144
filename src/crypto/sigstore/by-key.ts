/**
 * Verifies bundles that were signed with a key of the policy. Heavy: loads node:crypto; load it by
 * `import()` only.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseSigstoreCertificate } from '../../formats/sigstore/certificate.ts'
import type { EcdsaKey, Ed25519Key, RsaKey } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'
import { keyObjectOf } from '../public-key.ts'
import { judgeContent, type SigstoreResult } from './about-file.ts'
import { isSignedBy, signedBy } from './signed.ts'

/** A public key, as opposed to an identity or a certificate. */
export type PlainKey = Ed25519Key | EcdsaKey | RsaKey

/**
 * Verifies whether a file was signed with this key. Logs and timestamp authorities prove nothing
 * more about it, so they are ignored. So is the key hint, except to tell a forgery from a signature
 * by a stranger. Throws FormatError if the bundle's certificate or statement is malformed.
 */
export async function verifyByKey(
  file: OpenedFile,
  bundle: SigstoreBundle,
  key: PlainKey,
): Promise<SigstoreResult> {
  const { material, content } = bundle
  if (material.kind === 'certificate') {
    const { subject, issuer } = parseSigstoreCertificate(material.certificate)
    return { outcome: 'unknown-signer', detail: `${printable(subject, 200)} by ${printable(issuer, 200)}` }
  }
  const keyObject = await nodeKeyOf(key)
  if (await isSignedBy(keyObject, signedBy(content, file), content.signature))
    return judgeContent(content, file)
  if (material.kind === 'unstated')
    return { outcome: 'unknown-signer', detail: 'a signature that names no key' }
  const isNamed = hintsOf(keyObject, key).includes(material.hint)
  const hint = `hint "${printable(material.hint, 100)}"`
  return { outcome: isNamed ? 'bad-signature' : 'unknown-signer', detail: hint }
}

/**
 * The hints that signers give for a key: cosign the hash of its SubjectPublicKeyInfo, nixsig its
 * SSH fingerprint.
 */
function hintsOf(keyObject: KeyObject, key: PlainKey): readonly string[] {
  const spki = keyObject.export({ format: 'der', type: 'spki' })
  return [createHash('sha256').update(spki).digest('base64'), key.label]
}

async function nodeKeyOf(key: PlainKey): Promise<KeyObject> {
  if (key.kind !== 'ed25519') return keyObjectOf(key)
  const x = Buffer.from(key.publicKey).toString('base64url')
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
}
