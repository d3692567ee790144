import { realpathSync } from 'node:fs'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { parseFileStatement } from '../../formats/in-toto/file-statement.ts'
import { looksLikeSigstoreBundle, parseSigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseSigstoreCertificate } from '../../formats/sigstore/certificate.ts'
import { TRUSTED_ROOT_LIMIT } from '../../formats/sigstore/trusted-root.ts'
import { BUNDLE_NAMESPACE, type Key, type SigstoreKey } from '../../policy/policy.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
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
  recall,
}

/** What the signer's certificate and statement say is part of the bundle's form. */
function check(signature: Uint8Array): void {
  const { material, content } = parseSigstoreBundle(signature)
  if (material.kind === 'certificate') parseSigstoreCertificate(material.certificate)
  if (content.kind === 'envelope') parseFileStatement(content.payload)
}

/**
 * Whether a key can sign bundles itself: one in PEM's or OpenSSH's form. Not security keys, whose signatures are of
 * another form.
 */
function signsBundles(key: Key): key is PlainKey {
  if (key.kind === 'openpgp' || key.kind === 'sigstore') return false
  return ['pem', 'ssh'].includes(key.form) && key.application === undefined
}

/**
 * Whether a key that can sign bundles may. An SSH key logs in and signs much else, and a bundle's signature does not
 * say that it is one: so only where the policy lists this among the key's namespaces.
 */
function maySignBundles({ form, namespaces }: PlainKey): boolean {
  return form !== 'ssh' || namespaces?.includes(BUNDLE_NAMESPACE) === true
}

async function verify(file: OpenedFile, signature: Uint8Array, key: Key): Promise<DetachedResult> {
  const bundle = parseSigstoreBundle(signature)
  if (key.kind === 'sigstore') {
    const { verifyByIdentity } = await import('../sigstore/by-identity.ts')
    const root = rootDigest(key)
    const result = await verifyByIdentity(file, bundle, key)
    // A root that is replaced in between leaves it open which of the two was read.
    const isRoot = result.outcome === 'good' && root !== undefined && root === rootDigest(key)
    return { key, ...result, ...(isRoot ? { trace: `${BY_ROOT}${root}` } : {}) }
  }
  if (!signsBundles(key)) throw new TypeError(`${key.kind} keys make no Sigstore bundles`)
  const { verifyByKey } = await import('../sigstore/by-key.ts')
  const result = await verifyByKey(file, bundle, key)
  return result.outcome === 'good' ? signedByKey(key, result) : { key, ...result }
}

/** What becomes of a bundle that a key signed, be it at hand or remembered. */
function signedByKey(key: PlainKey, result: Pick<DetachedResult, 'detail'>): DetachedResult {
  if (maySignBundles(key)) return { key, ...result, outcome: 'good', trace: BY_KEY }
  const detail = `an SSH key signs Sigstore bundles only if its namespaces have "${BUNDLE_NAMESPACE}"`
  return { key, outcome: 'unacceptable', detail }
}

const BY_KEY = 'sigstore:key'
const BY_ROOT = 'sigstore:root:'

/** A trace names the trusted root, by its digest, where one was needed: what another root says of it is not known. */
async function recall(trace: string, key: Key): Promise<DetachedResult> {
  if (key.kind === 'sigstore' && trace.startsWith(BY_ROOT)) {
    if (trace === `${BY_ROOT}${rootDigest(key)}`)
      return { key, outcome: 'good', detail: 'by the same trusted root', trace }
    return { key, outcome: 'unreadable', detail: 'it was verified by another trusted root' }
  }
  if (trace === BY_KEY && signsBundles(key)) return signedByKey(key, { detail: 'a bundle' })
  return { key, outcome: 'unknown-signer', detail: 'a Sigstore bundle by somebody else' }
}

/** SHA-256, hex, of the trusted root; undefined if it cannot be read. */
function rootDigest({ trustedRoot }: SigstoreKey): string | undefined {
  try {
    const bytes = readRegularFile(realpathSync(trustedRoot), TRUSTED_ROOT_LIMIT)
    return bytes && toHex(sha256(bytes))
  } catch (error) {
    if (error instanceof FileError || (error instanceof Error && 'syscall' in error)) return undefined
    throw error
  }
}
