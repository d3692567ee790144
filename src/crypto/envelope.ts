/** Signing and opening DSSE envelopes. Who counts for what is the policy's business, not this file's. */
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

/** A signature that counts for nothing, and what its key id says. */
export interface StraySignature {
  readonly problem: Extract<
    Stray['problem'],
    'unknown-signer' | 'bad-signature' | 'expired-signature' | 'revoked-key'
  >
  readonly keyid: string
  /** Why, where there is more to say than the problem does; escaped. */
  readonly detail?: string
}

export interface EnvelopeSigner {
  readonly key: EnvelopeKey
  /** Its key has ended since. */
  readonly expired?: NonNullable<Claim['expired']>
  /**
   * The first second at which the signature is good no more by the key's own certificate; missing where it does not
   * end.
   */
  readonly keyEnds?: Instant
  /** How it was signed: see recall.ts. */
  readonly trace?: string
}

export interface OpenedEnvelope {
  /** The keys of the ring that signed, each once however many of the signatures are its own. */
  readonly signers: readonly EnvelopeSigner[]
  readonly strays: readonly StraySignature[]
  /** Signatures of which nothing could be found out, and why; escaped. */
  readonly undecided: readonly string[]
}

/**
 * Signs a statement with a key that is at hand: the line of an envelope. `secretKey` is 64 bytes (seed, then public
 * key).
 */
export function signEnvelope(
  payload: Uint8Array,
  key: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
): string {
  const signature = signEd25519(pae(PAYLOAD_TYPE, payload), key.secretKey)
  return envelopeLine(payload, sshFingerprint(key.publicKey), signature)
}

/** The line of an envelope by whoever signs its bytes, see Signer; fails as that does. */
export async function envelopeBy(
  signer: { readonly keyid: string; sign(message: Uint8Array): Promise<Uint8Array> },
  payload: Uint8Array,
): Promise<string> {
  return envelopeLine(payload, signer.keyid, await signer.sign(pae(PAYLOAD_TYPE, payload)))
}

/**
 * Which keys of a ring signed an envelope. A key id that names one of them says which to try, and a signature that
 * this key did not make is `bad-signature`; with any other key id, or none, all keys are tried that the signature
 * looks like, and one by none of them is `unknown-signer`. Only if there is a signer may the payload be looked at.
 *
 * Whoever opens envelopes from outside bounds the work: rejects with WorkLimitError at its end.
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

/** What opening an envelope costs at most, in the units of work. */
export function openingCost({ payload, signatures }: Envelope, ring: KeyRing): number {
  const tried = signatures.flatMap(signature => candidates(signature, ring))
  return tried.reduce((sum, entry) => sum + costOf(entry) + hashingCost(payload.byteLength), 0)
}

interface Attempt {
  readonly signer?: EnvelopeSigner
  /** What the last key that was tried had to do with it. */
  readonly failure?: Failure
}

type Failure = Exclude<SignatureResult, { readonly outcome: 'good' | 'expired-since' }>

/** Tries keys until one of them made a signature. */
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
