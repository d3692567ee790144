import { looksLikeSshSignature, parseSshSignature } from '../../formats/sshsig.ts'
import type { EcdsaKey, Ed25519Key, Key, RsaKey } from '../../policy/policy.ts'
import { verifySshSignature } from '../ssh-signature.ts'
import type { DetachedKind, DetachedResult, SignatureUse } from './kind.ts'
import { digestOf, type OpenedFile } from './opened-file.ts'

/** SSH signatures, as `ssh-keygen -Y sign` makes them, over files of any size. */
export const SSHSIG: DetachedKind = {
  kind: 'sshsig',
  recognises: looksLikeSshSignature,
  check: parseSshSignature,
  takes: isSshKey,
  verify,
}

/**
 * The namespaces in which a key may sign for a use. Its own list, where the policy gives it one, narrows what git signs
 * in to nothing or `git`, and says what files may be signed in; what is signed for git is never a file.
 */
export function namespacesFor(use: SignatureUse, listed: readonly string[] | undefined): readonly string[] {
  if (listed === undefined) return [use]
  return listed.filter(namespace => (namespace === 'git') === (use === 'git'))
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
  const result = await verifySshSignature({
    signature: parseSshSignature(signature),
    digestOf: hash => digestOf(file, hash),
    key,
    namespaces: namespacesFor(use, key.namespaces),
  })
  return { key, ...result }
}
