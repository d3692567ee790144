/**
 * Verifies bundles that were signed by an identity, offline. Heavy: loads node:crypto and
 * Sigstore's own library; load it by `import()` only.
 */
import { realpathSync } from 'node:fs'
import type { SignedEntity } from '@sigstore/verify'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import type { SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseSigstoreCertificate } from '../../formats/sigstore/certificate.ts'
import { checkTrustedRoot, TRUSTED_ROOT_LIMIT } from '../../formats/sigstore/trusted-root.ts'
import type { Instant, SigstoreKey } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'
import { judgeContent, type SigstoreResult } from './about-file.ts'
import { type Authorities, usableAuthorities } from './authorities.ts'
import { entityOf } from './entity.ts'
import { isSignedBy, publicKeyOf, signedBy, whyUnfit } from './signed.ts'

/** At least one of each: a certificate transparency log, a signature log, and an attested time. */
const THRESHOLDS = { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 }

const WITHOUT_SIGNER =
  'a signature of cosign alone, without who made it and when: no identity can be checked by it offline; next: ask for the bundle (cosign sign-blob --bundle), or check it with cosign verify-blob'

/**
 * Verifies whether this identity signed a file. The subject and issuer are compared exactly. Only
 * then is the certificate verified against the trusted root: its chain, the promise of a
 * certificate transparency log, the entry in a signature log with its promise or proof, and that
 * all this happened while the certificate was valid. Fetches nothing. Throws FormatError if the
 * certificate is malformed.
 */
export async function verifyByIdentity(
  file: OpenedFile,
  bundle: SigstoreBundle,
  key: SigstoreKey,
): Promise<SigstoreResult> {
  if (bundle.material.kind === 'unstated') return { outcome: 'unknown-signer', detail: WITHOUT_SIGNER }
  if (bundle.material.kind !== 'certificate') {
    return {
      outcome: 'unknown-signer',
      detail: `signed with a key, hint "${printable(bundle.material.hint, 100)}"`,
    }
  }
  const { certificate } = bundle.material
  const { subject, issuer, publicKey } = parseSigstoreCertificate(certificate)
  if (subject !== key.subject || issuer !== key.issuer) {
    return { outcome: 'unknown-signer', detail: `${printable(subject, 200)} by ${printable(issuer, 200)}` }
  }
  const library = await import('./library.ts')
  const root = readTrustedRoot(key.trustedRoot, certificate, library)
  if (root.kind === 'unreadable') return { outcome: 'unreadable', detail: root.detail }
  try {
    const signerKey = publicKeyOf(publicKey)
    const unfit = whyUnfit(signerKey)
    if (unfit !== undefined) return { outcome: 'unacceptable', detail: unfit }
    const isSigned = await isSignedBy(signerKey, signedBy(bundle.content, file), bundle.content.signature)
    const entity = entityOf(
      bundle,
      { certificate, key: signerKey, isSignedBy: isSigned },
      { logs: root.authorities.logs, toSignedEntity: library.toSignedEntity },
    )
    new library.Verifier(library.toTrustMaterial(root.authorities.root), THRESHOLDS).verify(entity)
    const result = await judgeContent(bundle.content, file)
    if (result.outcome !== 'good') return result
    const signedAt = timeOf(entity)
    const day = new Date(signedAt * 1000).toISOString().slice(0, 10)
    return { ...result, detail: `${result.detail}, signed ${day}`, signedAt }
  } catch (error) {
    // A parser in the library failed on a bundle that names this signer.
    if (!(error instanceof Error) || 'syscall' in error) throw error
    const detail = [printable(error.message, 200), ...root.authorities.unusable].join('; ')
    return { outcome: 'bad-signature', detail }
  }
}

type Root =
  | { readonly kind: 'root'; readonly authorities: Authorities }
  | { readonly kind: 'unreadable'; readonly detail: string }

type Library = typeof import('./library.ts')

/** The parts of the trusted root that may be used for this certificate. Throws FormatError. */
function readTrustedRoot(
  file: string,
  certificate: Uint8Array,
  { TrustedRoot, toTrustMaterial }: Library,
): Root {
  const unreadable = (detail: string): Root => ({ kind: 'unreadable', detail })
  try {
    const bytes = readRegularFile(realpathSync(file), TRUSTED_ROOT_LIMIT)
    if (bytes === undefined) return unreadable(`the trusted root ${printable(file)} is not there`)
    checkTrustedRoot(bytes)
    const root = TrustedRoot.fromJSON(JSON.parse(bytes.toString('utf8')))
    // If the library cannot read it, the file is at fault, not the signer.
    toTrustMaterial(root)
    return { kind: 'root', authorities: usableAuthorities(root, certificate) }
  } catch (error) {
    if (error instanceof FormatError || error instanceof FileError) return unreadable(error.message)
    if (!(error instanceof Error)) throw error
    return unreadable(`trusted root: ${printable(error.message, 200)} (${printable(file)})`)
  }
}

/** The earliest attested time, in seconds since 1970. */
function timeOf({ timestamps }: SignedEntity): Instant {
  const seconds = timestamps.flatMap(timestamp => {
    if (timestamp.$case === 'timestamp-authority') return timestamp.timestamp.signingTime.getTime() / 1000
    const { inclusionPromise, integratedTime } = timestamp.tlogEntry
    return inclusionPromise === undefined ? [] : Number(integratedTime)
  })
  return Math.floor(Math.min(...seconds))
}
