import { realpathSync } from 'node:fs'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { parseFileStatement } from '../../formats/in-toto/file-statement.ts'
import type { SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { parseSigstoreCertificate } from '../../formats/sigstore/certificate.ts'
import { looksLikeSigstoreDocument, parseSigstoreDocument } from '../../formats/sigstore/documents.ts'
import { TRUSTED_ROOT_LIMIT } from '../../formats/sigstore/trusted-root.ts'
import { BUNDLE_NAMESPACE, type Key, type SigstoreKey } from '../../policy/policy.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { PlainKey } from '../sigstore/by-key.ts'
import type { DetachedKind, DetachedResult } from './kind.ts'
import type { OpenedFile } from './opened-file.ts'

/**
 * Sigstore bundles, in whatever document: over a file, or over a statement about it; signed by an
 * identity or by a key.
 */
export const SIGSTORE: DetachedKind = {
  kind: 'sigstore',
  isBare: true,
  recognises: looksLikeSigstoreDocument,
  check,
  takes: key => key.kind === 'sigstore' || signsBundles(key),
  verify,
  recall,
}

/**
 * The signer's certificate and the statement are part of the bundle, so they are parsed as well.
 */
function check(signature: Uint8Array): void {
  for (const { material, content } of parseSigstoreDocument(signature)) {
    if (material.kind === 'certificate') parseSigstoreCertificate(material.certificate)
    if (content.kind === 'envelope') parseFileStatement(content.payload)
  }
}

/**
 * Whether a key can sign bundles itself: one in PEM or OpenSSH form. Security keys cannot, because
 * their signatures have another form.
 */
function signsBundles(key: Key): key is PlainKey {
  if (key.kind === 'openpgp' || key.kind === 'sigstore') return false
  return ['pem', 'ssh'].includes(key.form) && key.application === undefined
}

/**
 * Whether a key that can sign bundles may do so. An SSH key also logs in and signs much else, and a
 * bundle's signature does not say that it is one. So an SSH key may only if the policy lists this
 * use among the key's namespaces.
 */
function maySignBundles({ form, namespaces }: PlainKey): boolean {
  return form !== 'ssh' || namespaces?.includes(BUNDLE_NAMESPACE) === true
}

/** A result for each bundle, with its index where there are several. */
async function verify(file: OpenedFile, signature: Uint8Array, key: Key): Promise<readonly DetachedResult[]> {
  const bundles = parseSigstoreDocument(signature)
  const results: DetachedResult[] = []
  for (const [index, bundle] of bundles.entries()) {
    const result = await verifyOne(file, bundle, key)
    results.push(bundles.length > 1 ? { ...result, index } : result)
  }
  return results
}

async function verifyOne(file: OpenedFile, bundle: SigstoreBundle, key: Key): Promise<DetachedResult> {
  if (key.kind === 'sigstore') {
    const { verifyByIdentity } = await import('../sigstore/by-identity.ts')
    const root = rootDigest(key)
    const result = await verifyByIdentity(file, bundle, key)
    // If the root was replaced in between, it is unknown which of the two was used.
    const isRoot = result.outcome === 'good' && root !== undefined && root === rootDigest(key)
    return { key, ...result, ...(isRoot ? { trace: `${BY_ROOT}${root}` } : {}) }
  }
  if (!signsBundles(key)) throw new TypeError(`${key.kind} keys make no Sigstore bundles`)
  const { verifyByKey } = await import('../sigstore/by-key.ts')
  const result = await verifyByKey(file, bundle, key)
  return result.outcome === 'good' ? signedByKey(key, result) : { key, ...result }
}

/** The result for a bundle signed with a key, whether at hand or remembered. */
function signedByKey(key: PlainKey, result: Pick<DetachedResult, 'detail'>): DetachedResult {
  if (maySignBundles(key)) return { key, ...result, outcome: 'good', trace: BY_KEY }
  const detail = `an SSH key signs Sigstore bundles only if its namespaces have "${BUNDLE_NAMESPACE}"`
  return { key, outcome: 'unacceptable', detail }
}

const BY_KEY = 'sigstore:key'
const BY_ROOT = 'sigstore:root:'

/**
 * Where a trusted root was needed, the trace contains its digest: the result for another root is
 * unknown.
 */
async function recall(trace: string, key: Key): Promise<DetachedResult> {
  if (key.kind === 'sigstore' && trace.startsWith(BY_ROOT)) {
    if (trace === `${BY_ROOT}${rootDigest(key)}`)
      return { key, outcome: 'good', detail: 'by the same trusted root', trace }
    return { key, outcome: 'unreadable', detail: 'it was verified by another trusted root' }
  }
  if (trace === BY_KEY && signsBundles(key)) return signedByKey(key, { detail: 'a bundle' })
  return { key, outcome: 'unknown-signer', detail: 'a Sigstore bundle by somebody else' }
}

/** The SHA-256 of the trusted root in hex; undefined if it cannot be read. */
function rootDigest({ trustedRoot }: SigstoreKey): string | undefined {
  try {
    const bytes = readRegularFile(realpathSync(trustedRoot), TRUSTED_ROOT_LIMIT)
    return bytes && toHex(sha256(bytes))
  } catch (error) {
    if (error instanceof FileError || (error instanceof Error && 'syscall' in error)) return undefined
    throw error
  }
}
