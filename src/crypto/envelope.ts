/** Signing and opening DSSE envelopes with Ed25519. Who counts for what is the policy's business, not this file's. */
import { type Envelope, PAYLOAD_TYPE, pae, printEnvelope } from '../formats/dsse.ts'
import { sshFingerprint } from '../formats/ssh-key.ts'
import { toHex } from '../primitives/hex.ts'
import { signEd25519, verifyEd25519 } from '../primitives/sodium.ts'

/** A public key of the trusted list, as much of it as matters here. */
export interface EnvelopeKey {
  /** How the key was written. Keys of form `minisign` sign files, and never open an envelope. */
  readonly form: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
}

/** Keys made ready for opening many envelopes. */
export interface KeyRing<K extends EnvelopeKey> {
  readonly keys: readonly K[]
  readonly byFingerprint: ReadonlyMap<string, K>
}

/** A signature that counts for nothing, and what its key id says. */
export interface StraySignature {
  readonly problem: 'unknown-signer' | 'bad-signature'
  readonly keyid: string
}

export interface OpenedEnvelope<K extends EnvelopeKey> {
  /** The keys of the ring that signed, each once however many of the signatures are its own. */
  readonly signers: readonly K[]
  readonly strays: readonly StraySignature[]
  /** Verifications that it took: whoever opens envelopes from outside bounds their sum. */
  readonly attempts: number
}

/** A ring of keys: those of form `minisign` left out, and each of the others once, told apart by its raw bytes. */
export function keyRing<K extends EnvelopeKey>(keys: readonly K[]): KeyRing<K> {
  const distinct = new Map<string, K>()
  for (const key of keys) {
    const identity = toHex(key.publicKey)
    if (key.form !== 'minisign' && !distinct.has(identity)) distinct.set(identity, key)
  }
  const ring = [...distinct.values()]
  return { keys: ring, byFingerprint: new Map(ring.map(key => [sshFingerprint(key.publicKey), key])) }
}

/**
 * Signs a statement: the line of an envelope with one signature (cosign takes no more), whose key id is the key's SSH
 * fingerprint. `secretKey` is 64 bytes (seed, then public key).
 */
export function signEnvelope(
  payload: Uint8Array,
  key: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
): string {
  const signature = signEd25519(pae(PAYLOAD_TYPE, payload), key.secretKey)
  return printEnvelope({
    payloadType: PAYLOAD_TYPE,
    payload,
    signatures: [{ keyid: sshFingerprint(key.publicKey), signature }],
  })
}

/**
 * Which keys of a ring signed an envelope. A key id that is the SSH fingerprint of one of them says which to try, and a
 * signature that this key did not make is `bad-signature`; with any other key id, or none, all keys are tried, and a
 * signature by none of them is `unknown-signer`. Only if there is a signer may the payload be looked at.
 */
export function openEnvelope<K extends EnvelopeKey>(envelope: Envelope, ring: KeyRing<K>): OpenedEnvelope<K> {
  const message = pae(envelope.payloadType, envelope.payload)
  const signers = new Set<K>()
  const strays: StraySignature[] = []
  let attempts = 0
  for (const { keyid, signature } of envelope.signatures) {
    const named = ring.byFingerprint.get(keyid)
    const candidates = named === undefined ? ring.keys : [named]
    const signer = candidates.find(key => {
      attempts++
      return verifyEd25519(message, signature, key.publicKey)
    })
    if (signer !== undefined) signers.add(signer)
    else strays.push({ problem: named === undefined ? 'unknown-signer' : 'bad-signature', keyid })
  }
  return { signers: [...signers], strays, attempts }
}
