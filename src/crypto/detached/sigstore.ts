import { parseFileStatement } from '../../formats/in-toto/file-statement.ts'
import { looksLikeSigstoreBundle, parseSigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseSigstoreCertificate } from '../../formats/sigstore/certificate.ts'
import { BUNDLE_NAMESPACE, type Key } from '../../policy/policy.ts'
import type { PlainKey } from '../sigstore/by-key.ts'
import type { DetachedKind, DetachedResult } from './kind.ts'
import type { OpenedFile } from './opened-file.ts'

/** Sigstore bundles: over a file, or over a statement about it; by a name that was vouched for, or by a key. */
export const SIGSTORE: DetachedKind = {
  kind: 'sigstore',
  isBare: true,
  recognises: looksLikeSigstoreBundle,
  check,
  takes: key => key.kind === 'sigstore' || signsBundles(key),
  verify,
}

/** What the signer's certificate and statement say is part of the bundle's form. */
function check(signature: Uint8Array): void {
  const { material, content } = parseSigstoreBundle(signature)
  if (material.kind === 'certificate') parseSigstoreCertificate(material.certificate)
  if (content.kind === 'envelope') parseFileStatement(content.payload)
}

/**
 * Whether a key can sign bundles itself: one in PEM's or OpenSSH's form. Not security keys, whose signatures are of another
 * form.
 */
function signsBundles(key: Key): key is PlainKey {
  if (key.kind === 'openpgp' || key.kind === 'sigstore') return false
  return ['pem', 'ssh'].includes(key.form) && key.application === undefined
}

/**
 * Whether a key that can sign bundles may. An SSH key logs in and signs much else, and a bundle's signature does not say
 * that it is one: so only where the policy lists this among the key's namespaces.
 */
function maySignBundles({ form, namespaces }: PlainKey): boolean {
  return form !== 'ssh' || namespaces?.includes(BUNDLE_NAMESPACE) === true
}

async function verify(file: OpenedFile, signature: Uint8Array, key: Key): Promise<DetachedResult> {
  const bundle = parseSigstoreBundle(signature)
  if (key.kind === 'sigstore') {
    const { verifyByIdentity } = await import('../sigstore/by-identity.ts')
    return { key, ...(await verifyByIdentity(file, bundle, key)) }
  }
  if (!signsBundles(key)) throw new TypeError(`${key.kind} keys make no Sigstore bundles`)
  const { verifyByKey } = await import('../sigstore/by-key.ts')
  const result = await verifyByKey(file, bundle, key)
  if (result.outcome !== 'good' || maySignBundles(key)) return { key, ...result }
  const detail = `an SSH key signs Sigstore bundles only if its namespaces have "${BUNDLE_NAMESPACE}"`
  return { key, outcome: 'unacceptable', detail }
}
