/** The keys that open envelopes, and which of them could have made a signature, told without verifying anything. */

import { OWN_KEYS } from '../formats/detached/forms.ts'
import type { EnvelopeSignature } from '../formats/in-toto/dsse.ts'
import { DER } from '../formats/keys/der.ts'
import { sshFingerprint, sshKeyBlob } from '../formats/ssh/key.ts'
import { namesSshKey } from '../formats/ssh/sshsig.ts'
import type { EcdsaKey, Ed25519Key, Key, OpenPgpKey, RsaKey } from '../policy/policy.ts'

/** Keys that sign what they are given. Those of minisign and signify sign files alone, and Sigstore's are none. */
export type EnvelopeKey = Ed25519Key | EcdsaKey | RsaKey | OpenPgpKey

/** What the namespace of SSH signatures over envelopes is, and of any signature by a key that is limited to some. */
export const ENVELOPE_NAMESPACE = 'nixsig'

/**
 * A key, and what its signatures over an envelope look like. Each key makes them in one way:
 *
 *     ed25519   the 64 bytes of RFC 8032
 *     sshsig    what is in the armour of a file by `ssh-keygen -Y sign -n nixsig`; all SSH keys but Ed25519 ones
 *     pem       over SHA-256: ECDSA in DER, RSA as PKCS #1 v1.5
 *     openpgp   one detached signature packet over the bytes, not armoured
 */
export type RingKey =
  | { readonly form: 'ed25519'; readonly key: Ed25519Key }
  | { readonly form: 'sshsig'; readonly key: PlainKey; readonly blob: Uint8Array }
  | { readonly form: 'pem'; readonly key: PlainKey }
  | { readonly form: 'openpgp'; readonly key: OpenPgpKey }

/** A key that is no certificate. */
type PlainKey = Ed25519Key | EcdsaKey | RsaKey

/** Keys made ready for opening many envelopes. */
export interface KeyRing {
  readonly keys: readonly RingKey[]
  readonly byKeyId: ReadonlyMap<string, readonly RingKey[]>
}

/** A ring of those keys that open envelopes, each once: told apart by itself and by what its signatures look like. */
export function keyRing(keys: readonly Key[]): KeyRing {
  const distinct = new Map<string, RingKey>()
  for (const key of keys.filter(opensEnvelopes)) {
    const entry = ringKey(key)
    const name = `${entry.form} ${keyIdOf(key)}`
    if (!distinct.has(name)) distinct.set(name, entry)
  }
  const byKeyId = new Map<string, RingKey[]>()
  for (const entry of distinct.values()) {
    const id = keyIdOf(entry.key)
    byKeyId.set(id, [...(byKeyId.get(id) ?? []), entry])
  }
  return { keys: [...distinct.values()], byKeyId }
}

/** Whether a key may sign envelopes at all. */
export function opensEnvelopes(key: Key): key is EnvelopeKey {
  if (key.kind === 'sigstore') return false
  if (key.kind === 'openpgp') return true
  if (OWN_KEYS.some(({ kind }) => kind === key.form)) return false
  return key.namespaces === undefined || key.namespaces.includes(ENVELOPE_NAMESPACE)
}

/**
 * How an envelope calls a key: by the fingerprint of its primary key if it is OpenPGP's, else as `ssh-keygen -l`
 * does.
 */
export function keyIdOf(key: EnvelopeKey): string {
  return key.kind === 'openpgp' ? key.fingerprint : sshFingerprint(key)
}

/** A key with the look of its signatures. */
export function ringKey(key: EnvelopeKey): RingKey {
  if (key.kind === 'openpgp') return { form: 'openpgp', key }
  if (key.kind === 'ed25519' && key.application === undefined) return { form: 'ed25519', key }
  return key.form === 'pem' ? { form: 'pem', key } : { form: 'sshsig', key, blob: sshKeyBlob(key) }
}

/** The trace of a signature over an envelope: see recall.ts. `inner` is the one that an OpenPGP signature has. */
export function envelopeTrace({ form, key }: RingKey, inner = `${form}:${keyIdOf(key)}`): string {
  return `envelope:${inner}`
}

/**
 * Which keys are tried on a signature: those that its key id names, else those by which it could be as far as its look
 * tells. Never OpenPGP's in the second case: a program has to be run for each.
 */
export function candidates({ keyid, signature }: EnvelopeSignature, ring: KeyRing): readonly RingKey[] {
  return ring.byKeyId.get(keyid) ?? ring.keys.filter(entry => looksLike(entry, signature))
}

function looksLike(entry: RingKey, signature: Uint8Array): boolean {
  switch (entry.form) {
    case 'ed25519':
      return signature.length === 64
    case 'sshsig':
      return namesSshKey(signature, entry.blob)
    case 'pem': {
      const { key } = entry
      return key.kind === 'rsa' ? signature.length === key.modulus.length : signature[0] === DER.sequence
    }
    case 'openpgp':
      return false
  }
}
