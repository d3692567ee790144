/** Signs and opens DSSE envelopes. Which signers count is up to the policy, not to this file. */
import { type Envelope, PAYLOAD_TYPE, pae, printEnvelope } from '../formats/in-toto/dsse.ts'
import { sshFingerprint } from '../formats/ssh/key.ts'
import type { Instant } from '../policy/policy.ts'
import type { Claim, Stray } from '../policy/verdict.ts'
import { signEd25519 } from '../primitives/sodium.ts'
import { candidates, type EnvelopeKey, envelopeTrace, type KeyRing, type RingKey } from './envelope-keys.ts'
import { costOf, verifyEnvelopeSignature } from './envelope-signature.ts'
import type { SignatureResult } from './signature-result.ts'
import { hashingCost, UNLIMITED, type Work } from './work.ts'

export { type KeyRing, keyRing } from './envelope-keys.ts'

/** A signature that does not count, with its key id. */
export interface StraySignature {
  readonly problem: Extract<
    Stray['problem'],
    'unknown-signer' | 'bad-signature' | 'expired-signature' | 'revoked-key'
  >
  readonly keyid: string
  /** More about the problem, escaped. */
  readonly detail?: string
}

/** A key that signed an envelope. */
export interface EnvelopeSigner {
  readonly key: EnvelopeKey
  /** Present if its key has expired since. */
  readonly expired?: NonNullable<Claim['expired']>
  /**
   * The first second at which the key's certificate makes the signature no longer good. Absent if
   * there is none.
   */
  readonly keyEnds?: Instant
  /** How it was signed, see recall.ts. */
  readonly trace?: string
}

/** The result of opening an envelope. */
export interface OpenedEnvelope {
  /** The keys of the ring that signed, each once, however many of the signatures it made. */
  readonly signers: readonly EnvelopeSigner[]
  readonly strays: readonly StraySignature[]
  /** Why some signatures could not be decided, escaped. */
  readonly undecided: readonly string[]
}

/**
 * Signs a statement with a secret key of 64 bytes (seed, then public key). Returns the line of an
 * envelope.
 */
export function signEnvelope(
  payload: Uint8Array,
  key: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
): string {
  const signature = signEd25519(pae(PAYLOAD_TYPE, payload), key.secretKey)
  return envelopeLine(payload, sshFingerprint(key.publicKey), signature)
}

/**
 * Signs a statement with a Signer. Returns the line of an envelope. Rejects as Signer.sign does.
 */
export async function envelopeBy(
  signer: { readonly keyid: string; sign(message: Uint8Array): Promise<Uint8Array> },
  payload: Uint8Array,
): Promise<string> {
  return envelopeLine(payload, signer.keyid, await signer.sign(pae(PAYLOAD_TYPE, payload)))
}

/**
 * Finds the keys of a ring that signed an envelope. A key id that names one of them selects the key
 * to try; a signature that this key did not make is `bad-signature`. With any other key id, or
 * none, all keys are tried whose signatures have this form, and a signature by none of them is
 * `unknown-signer`. The payload may only be used if there is a signer.
 *
 * `work` limits the effort spent on envelopes from outside: rejects with WorkLimitError at the
 * limit.
 */
export async function openEnvelope(
  envelope: Envelope,
  ring: KeyRing,
  work: Work = UNLIMITED,
): Promise<OpenedEnvelope> {
  const message = pae(envelope.payloadType, envelope.payload)
  const signers = new Map<EnvelopeKey, EnvelopeSigner>()
  const strays: StraySignature[] = []
  const undecided: string[] = []
  for (const each of envelope.signatures) {
    const { signer, failure } = await tryKeys(candidates(each, ring), message, each.signature, work)
    const { keyid } = each
    if (signer !== undefined) {
      if (!signers.has(signer.key)) signers.set(signer.key, signer)
    } else if (failure === undefined || !ring.byKeyId.has(keyid)) {
      strays.push({ problem: 'unknown-signer', keyid })
    } else if (failure.outcome === 'undecided') {
      undecided.push(failure.detail)
    } else {
      const { outcome: problem, detail } = failure
      strays.push({ problem, keyid, ...(detail === undefined ? {} : { detail }) })
    }
  }
  return { signers: [...signers.values()], strays, undecided }
}

/** The maximal cost of opening an envelope, in units of work. */
export function openingCost({ payload, signatures }: Envelope, ring: KeyRing): number {
  const tried = signatures.flatMap(signature => candidates(signature, ring))
  return tried.reduce((sum, entry) => sum + costOf(entry) + hashingCost(payload.byteLength), 0)
}

interface Attempt {
  readonly signer?: EnvelopeSigner
  /** The result for the last key that was tried. */
  readonly failure?: Failure
}

type Failure = Exclude<SignatureResult, { readonly outcome: 'good' | 'expired-since' }>

/** Tries keys until one of them turns out to have made the signature. */
async function tryKeys(
  keys: readonly RingKey[],
  message: Uint8Array,
  signature: Uint8Array,
  work: Work,
): Promise<Attempt> {
  let failure: Failure | undefined
  for (const entry of keys) {
    await work.spend(costOf(entry) + hashingCost(message.byteLength))
    const { key } = entry
    const result = await verifyEnvelopeSignature(entry, message, signature)
    switch (result.outcome) {
      case 'good': {
        const { keyEnds } = result
        const trace = envelopeTrace(entry, result.trace)
        return { signer: { key, trace, ...(keyEnds === undefined ? {} : { keyEnds }) } }
      }
      case 'expired-since':
        return { signer: { key, expired: { signedAt: result.signedAt, at: result.keyExpired } } }
      default:
        failure = result
    }
  }
  return failure === undefined ? {} : { failure }
}

function envelopeLine(payload: Uint8Array, keyid: string, signature: Uint8Array): string {
  return printEnvelope({ payloadType: PAYLOAD_TYPE, payload, signatures: [{ keyid, signature }] })
}
