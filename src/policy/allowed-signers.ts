/** Converts the SSH keys of a trusted list to OpenSSH's allowed signers, and back. */
import type { AllowedSigner, AllowedSignerLine } from '../formats/ssh/allowed-signers.ts'
import { printSshPublicKey, sshFingerprint } from '../formats/ssh/key.ts'
import { FormatError } from '../primitives/format-error.ts'
import { endOf } from './key-standing.ts'
import {
  BUNDLE_NAMESPACE,
  type EcdsaKey,
  type Ed25519Key,
  type Instant,
  type Key,
  type Policy,
  type Principal,
  type RsaKey,
} from './policy.ts'

/** What a key signs if the policy lists no namespaces: files, and git tags and commits. */
const USUAL_NAMESPACES = ['file', 'git'] as const

type SshKey = Ed25519Key | EcdsaKey | RsaKey

/**
 * An entry for each SSH key of the policy that counts now or later, in the order of the policy. A
 * key that has expired or was revoked is left out: git and `ssh-keygen -Y verify -O verify-time`
 * compare a key's end with the date that the signer wrote, so a past end would not prevent
 * backdating. A future end is written, and applies to what is dated after it. Keys of other forms
 * are left out. printAllowedSigner checks whether an entry can be written.
 */
export function allowedSignersOf(policy: Policy, now: Instant): readonly AllowedSigner[] {
  return [...policy.principals.values()].flatMap(principal =>
    principal.keys.filter(isSshKey).flatMap(key => signerOf({ principal, key }, policy, now)),
  )
}

/**
 * The `[principals]` of a policy, in TOML, for a list of allowed signers. If an entry has several
 * names, the first becomes the principal. Throws FormatError for a key in several entries: it
 * belongs to one person and is listed once.
 */
export function principalsOfSigners(signers: readonly AllowedSignerLine[]): string {
  const lines = new Map<string, number>()
  const entries = new Map<string, string[]>()
  for (const signer of signers) {
    const fingerprint = sshFingerprint(signer.key)
    const before = lines.get(fingerprint)
    if (before !== undefined) {
      const problem = `the key ${fingerprint} of line ${before} again: a key is one person's, and listed once`
      throw new FormatError('allowed signers', problem, `line ${signer.line}`)
    }
    lines.set(fingerprint, signer.line)
    const [name = '', ...others] = signer.principals
    const comment = others.length === 0 ? [] : [`  # also ${others.join(', ')}`]
    entries.set(name, [...(entries.get(name) ?? []), ...comment, `  ${keyToml(signer)},`])
  }
  return [...entries]
    .map(([name, keys]) => [`[principals.${JSON.stringify(name)}]`, 'keys = [', ...keys, ']', ''].join('\n'))
    .join('\n')
}

function isSshKey(key: Key): key is SshKey {
  return 'form' in key && key.form === 'ssh'
}

function signerOf(
  { principal, key }: { readonly principal: Principal; readonly key: SshKey },
  policy: Policy,
  now: Instant,
): readonly AllowedSigner[] {
  const { validFrom } = key
  const validUntil = endOf(policy, { principal, key })
  if (validUntil !== undefined && validUntil <= Math.max(validFrom ?? 0, now)) return []
  const namespaces = (key.namespaces ?? USUAL_NAMESPACES).filter(name => name !== BUNDLE_NAMESPACE)
  if (namespaces.length === 0) return []
  return [
    {
      principals: [principal.name],
      key,
      namespaces,
      ...(validFrom === undefined ? {} : { validFrom }),
      ...(validUntil === undefined ? {} : { validUntil }),
    },
  ]
}

function keyToml({ key, namespaces, validFrom, validUntil }: AllowedSigner): string {
  const line = JSON.stringify(printSshPublicKey(key, ''))
  const fields = [
    ...(namespaces === undefined ? [] : [`namespaces = ${JSON.stringify(namespaces)}`]),
    ...(validFrom === undefined ? [] : [`valid-from = ${timeToml(validFrom)}`]),
    ...(validUntil === undefined ? [] : [`valid-until = ${timeToml(validUntil)}`]),
  ]
  return fields.length === 0 ? line : `{ ${[`key = ${line}`, ...fields].join(', ')} }`
}

function timeToml(instant: Instant): string {
  return `${new Date(instant * 1000).toISOString().slice(0, 19)}Z`
}
