import { isMadeOver } from '../../crypto/openpgp/arithmetic.ts'
import type { Certificate, OwnKey } from '../../crypto/openpgp/own-parts.ts'
import { claimsToBeBy } from '../../crypto/openpgp/parts.ts'
import type { Objection, Suspect } from '../../crypto/openpgp/standing.ts'
import { type OpenPgpSignature, parseDetachedSignatures } from '../../formats/openpgp/signature.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { HistoryCommit } from './history.ts'
import { HistoryRefused, type RefusalCode, type Rule } from './refusal.ts'

/** Keys that one signature may name: a key id is short enough to be shared on purpose. */
const TRIES = 16

/** A key that may have made a signature, and its certificate. */
export interface Candidate {
  readonly key: OwnKey
  readonly certificate: Certificate
}

/** The one OpenPGP signature of a commit, and what it is over. */
export interface CommitSignature {
  readonly commit: string
  readonly signature: OpenPgpSignature
  readonly document: Uint8Array
}

/** A signature whose arithmetic is right for this key. */
export interface Made extends CommitSignature, Candidate {}

const SIGN_IT = 'have somebody who may sign it make the commit again, with "git commit -S"'

/** Reads the signature of a commit. Throws HistoryRefused unless there is exactly one, by OpenPGP. */
export function signatureOf({ id, signed }: HistoryCommit): CommitSignature {
  const refuse = (code: RefusalCode, found: string, next = SIGN_IT) =>
    new HistoryRefused({ code, commit: id, rule: 'A3', needed: 'one OpenPGP signature', found, next })
  if (signed === undefined) throw refuse('unsigned', 'no signature')
  const armour = Buffer.from(signed.signature).toString('latin1', 0, 40)
  if (!armour.startsWith('-----BEGIN PGP SIGNATURE-----')) {
    const kind = armour.startsWith('-----BEGIN SSH SIGNATURE-----')
      ? 'an SSH signature'
      : 'another kind of signature'
    throw refuse('unacceptable', `${kind}, which these semantics do not know`)
  }
  try {
    const [signature, ...others] = parseDetachedSignatures(signed.signature)
    if (signature === undefined || others.length > 0) {
      throw refuse('unacceptable', `${others.length + 1} signatures in one`)
    }
    return { commit: id, signature, document: signed.payload }
  } catch (error) {
    if (error instanceof FormatError) throw refuse('bad-signature', error.message)
    throw error
  }
}

/** The keys of these certificates that a signature claims to be by. */
export function claimedKeys(
  { signature }: CommitSignature,
  certificates: Iterable<Certificate>,
): readonly Candidate[] {
  const all = [...certificates].flatMap(certificate =>
    [certificate.primary, ...certificate.subkeys].map(key => ({ key, certificate })),
  )
  return all.filter(({ key }) => claimsToBeBy(signature, key)).slice(0, TRIES)
}

/** The candidates that made a signature: one, or several certificates with one key. */
export function makersOf(asked: CommitSignature, candidates: readonly Candidate[]): readonly Made[] {
  return candidates
    .filter(({ key }) => isMadeOver(asked.signature, key, asked.document))
    .map(made => ({ ...asked, ...made }))
}

/** The signature as the checks of a certificate take it. */
export function suspectOf({ signature, certificate, key }: Made): Suspect {
  return { signature, certificate, signers: [key], form: 'bytes' }
}

/** The refusal of a signature that the keys do not carry. */
export function refusalOf({ kind, detail }: Objection, commit: string, rule: Rule): HistoryRefused {
  const isEnded = kind === 'expired-key' || kind === 'expired-since' || kind === 'expired-signature'
  const code = kind === 'revoked-key' ? kind : isEnded ? 'expired-key' : 'unacceptable'
  const next =
    code === 'revoked-key'
      ? 'ask those who sign this history what became of the key; a later introduction leaves this commit out'
      : SIGN_IT
  const needed = 'a signature by a key that counted when it signed'
  return new HistoryRefused({ code, commit, rule, needed, found: detail, next })
}
