/**
 * The keys that can sign envelopes, and which of them may have made a signature, without verifying
 * it.
 */

import { OWN_KEYS } from '../formats/detached/forms.ts'
import type { EnvelopeSignature } from '../formats/in-toto/dsse.ts'
import { DER } from '../formats/keys/der.ts'
import { sshFingerprint, sshKeyBlob } from '../formats/ssh/key.ts'
import { namesSshKey } from '../formats/ssh/sshsig.ts'
import type { EcdsaKey, Ed25519Key, Key, OpenPgpKey, RsaKey } from '../policy/policy.ts'

/**
 * Keys that can sign envelopes. Keys of minisign and signify only sign files, and a Sigstore
 * identity is not a key.
 */
export type EnvelopeKey = Ed25519Key | EcdsaKey | RsaKey | OpenPgpKey

/**
 * The namespace of SSH signatures over envelopes. A key that is limited to some namespaces needs it
 * for any signature over an envelope.
 */
export const ENVELOPE_NAMESPACE = 'nixsig'

/**
 * A key with the form of its signatures over an envelope. Each key has only one:
 *
 *     ed25519   the 64 bytes of RFC 8032
 *     sshsig    as by `ssh-keygen -Y sign -n nixsig`, unarmoured; all SSH keys but Ed25519
 *     pem       over SHA-256: ECDSA in DER, RSA as PKCS #1 v1.5
 *     openpgp   one detached signature packet over the bytes, not armoured
 */
export type RingKey =
  | { readonly form: 'ed25519'; readonly key: Ed25519Key }
  | { readonly form: 'sshsig'; readonly key: PlainKey; readonly blob: Uint8Array }
  | { readonly form: 'pem'; readonly key: PlainKey }
  | { readonly form: 'openpgp'; readonly key: OpenPgpKey }

/** A key that is not an OpenPGP certificate. */
type PlainKey = Ed25519Key | EcdsaKey | RsaKey

/** Keys that are indexed for opening many envelopes. */
export interface KeyRing {
  readonly keys: readonly RingKey[]
  readonly byKeyId: ReadonlyMap<string, readonly RingKey[]>
}

/**
 * A ring of the keys that can sign envelopes. Keys that are equal and have the same form of
 * signature are included once.
 */
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

/** Whether a key may sign envelopes. */
export function opensEnvelopes(key: Key): key is EnvelopeKey {
  if (key.kind === 'sigstore') return false
  if (key.kind === 'openpgp') return true
  if (OWN_KEYS.some(({ kind }) => kind === key.form)) return false
  return key.namespaces === undefined || key.namespaces.includes(ENVELOPE_NAMESPACE)
}

/**
 * The key id of a key in envelopes: the fingerprint of an OpenPGP primary key, or else the
 * fingerprint that `ssh-keygen -l` prints.
 */
export function keyIdOf(key: EnvelopeKey): string {
  return key.kind === 'openpgp' ? key.fingerprint : sshFingerprint(key)
}

/** A key with the form of its signatures. */
export function ringKey(key: EnvelopeKey): RingKey {
  if (key.kind === 'openpgp') return { form: 'openpgp', key }
  if (key.kind === 'ed25519' && key.application === undefined) return { form: 'ed25519', key }
  return key.form === 'pem' ? { form: 'pem', key } : { form: 'sshsig', key, blob: sshKeyBlob(key) }
}

/**
 * The trace of a signature over an envelope, see recall.ts. `inner` is the trace of an OpenPGP
 * signature.
 */
export function envelopeTrace({ form, key }: RingKey, inner = `${form}:${keyIdOf(key)}`): string {
  return `envelope:${inner}`
}

/**
 * The keys to try on a signature: those that its key id names, or else those that make signatures
 * of this form. In the second case OpenPGP keys are left out, because each would need a run of a
 * program.
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
