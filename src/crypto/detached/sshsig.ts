import { sshFingerprint } from '../../formats/ssh/key.ts'
import { looksLikeSshSignature, parseSshSignature } from '../../formats/ssh/sshsig.ts'
import {
  BUNDLE_NAMESPACE,
  type EcdsaKey,
  type Ed25519Key,
  type Key,
  type RsaKey,
} from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { madeFor, namespaceWords, verifySshSignature } from '../ssh-signature.ts'
import type { DetachedKind, DetachedResult, SignatureUse } from './kind.ts'
import { digestOf, type OpenedFile } from './opened-file.ts'

/** SSH signatures, as `ssh-keygen -Y sign` makes them, over files of any size. */
export const SSHSIG: DetachedKind = {
  kind: 'sshsig',
  isBare: false,
  recognises: looksLikeSshSignature,
  check: parseSshSignature,
  takes: isSshKey,
  verify,
  recall,
}

/**
 * Namespaces with another use: git objects, envelopes (src/crypto/envelope-keys.ts) and bundles.
 * Signatures in them are not over files.
 */
const OTHER_USES: readonly string[] = ['git', 'nixsig', BUNDLE_NAMESPACE]

/**
 * The namespaces in which a key may sign for a use: the namespace of the same name or, where the
 * policy lists namespaces for the key, those of them that fit the use.
 */
export function namespacesFor(use: SignatureUse, listed: readonly string[] | undefined): readonly string[] {
  if (listed === undefined) return [use]
  return use === 'git'
    ? listed.filter(namespace => namespace === use)
    : listed.filter(namespace => !OTHER_USES.includes(namespace))
}

function isSshKey(key: Key): key is Ed25519Key | EcdsaKey | RsaKey {
  return 'form' in key && key.form === 'ssh'
}

async function verify(
  file: OpenedFile,
  signature: Uint8Array,
  key: Key,
  use: SignatureUse,
): Promise<DetachedResult> {
  if (!isSshKey(key)) throw new TypeError(`${key.kind} keys make no SSH signatures`)
  const parsed = parseSshSignature(signature)
  const result = await verifySshSignature({
    signature: parsed,
    digestOf: hash => digestOf(file, hash),
    key,
    namespaces: namespacesFor(use, key.namespaces),
  })
  if (result.outcome !== 'good') return { key, ...result }
  return { key, ...result, trace: `sshsig:${encodeURIComponent(parsed.namespace)}:${sshFingerprint(key)}` }
}

/**
 * A trace is `sshsig`, the percent-encoded namespace, and the fingerprint, which tells a security
 * key from a plain one.
 */
async function recall(trace: string, key: Key): Promise<DetachedResult> {
  const [, encoded = '', ...fingerprint] = trace.split(':')
  if (!isSshKey(key) || sshFingerprint(key) !== fingerprint.join(':')) {
    return { key, outcome: 'unknown-signer', detail: `SSH key ${printable(fingerprint.join(':'), 100)}` }
  }
  const accepted = namespacesFor('file', key.namespaces)
  if (accepted.some(name => encodeURIComponent(name) === encoded)) {
    return { key, outcome: 'good', detail: madeFor(encoded), trace }
  }
  return {
    key,
    outcome: 'unacceptable',
    detail: `${madeFor(encoded)}, accepted: ${namespaceWords(accepted)}`,
  }
}
