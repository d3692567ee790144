import { traceOf } from './remembered.ts'
import { afterEnd, type ExpiredSince, firstEnd, type Objection, type Suspect } from './standing.ts'
import type { Refused, Verified } from './tools.ts'

/**
 * The result of a detached signature for one key. `unacceptable`: it proves too little (SHA-1, over
 * text, by a short key …). `expired-since`: it verifies, and is dated before its key expired.
 * `unreadable`: it could not be decided, so it may be good or bad.
 */
export type OpenPgpResult =
  | GoodOpenPgp
  | { readonly kind: 'bad-signature' | 'unknown-signer'; readonly detail: string }
  | Objection
  | { readonly kind: 'unreadable'; readonly detail: string }

/** Times are in seconds since 1970. */
export interface GoodOpenPgp {
  readonly kind: 'good'
  readonly primaryFingerprint: string
  readonly signedAt: number
  /**
   * The first second at which it is no longer good: when the signature, its key or the primary key
   * expires.
   */
  readonly keyEnds?: number
  /** See remembered.ts. */
  readonly trace: string
}

/** Combines the answer of a tool with the objection that our own checks found. */
export function conclude(
  answer: Verified | Refused,
  suspect: Suspect,
  objection: Objection | undefined,
): OpenPgpResult {
  if (answer.kind === 'verified') return weighVerified(answer, suspect, objection)
  // A tool need not check the arithmetic of a signature that it refuses anyway.
  const isBetterSaid = answer.because !== 'arithmetic' && objection !== undefined && !isForPolicy(objection)
  return isBetterSaid ? objection : { kind: 'bad-signature', detail: answer.detail }
}

/** Whether the policy may overrule an objection to a signature that a tool verified. */
export function isForPolicy(objection: Objection): objection is ExpiredSince {
  return objection.kind === 'expired-since'
}

/** The graver one of the tool's answer and our own objection. */
function weighVerified(answer: Verified, suspect: Suspect, objection: Objection | undefined): OpenPgpResult {
  const { signature, certificate, signers } = suspect
  const { primaryFingerprint, signedBy, but, detail } = answer
  const isNamed = signedBy === undefined || signers.some(key => key.fingerprint === signedBy)
  if (primaryFingerprint !== certificate.primary.fingerprint || !isNamed) {
    return { kind: 'unreadable', detail: `the tool verified it with another key, of ${primaryFingerprint}` }
  }
  if (objection !== undefined && !isForPolicy(objection)) return objection
  if (but === 'revoked-key' || but === 'expired-signature') return { kind: but, detail }
  if (objection === undefined && but === undefined) {
    const keyEnds = firstEnd(suspect)
    const trace = traceOf(suspect)
    const good = { kind: 'good', primaryFingerprint, signedAt: signature.created, trace } as const
    return keyEnds === undefined ? good : { ...good, keyEnds }
  }
  const { keyEnds } = answer
  if (objection !== undefined && (keyEnds.length === 0 || keyEnds.includes(objection.keyExpired))) {
    return objection
  }
  // gpgv reads the certificate in its own way, and does not say which of its keys expired when.
  const end = Math.min(...keyEnds, objection?.keyExpired ?? Number.POSITIVE_INFINITY)
  if (!Number.isFinite(end)) return { kind: 'expired-key', detail }
  return afterEnd(end, signature.created, signedBy ?? primaryFingerprint)
}
