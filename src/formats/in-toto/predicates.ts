/** What a statement says about its subjects: the predicates that nixsig understands. */
import { rootNode } from '../json/shape.ts'
import { PROVENANCE, type Provenance, readProvenance } from './predicates/provenance.ts'
import { RELEASE, type Release, readRelease } from './predicates/release.ts'
import {
  readVerificationSummary,
  VERIFICATION_SUMMARY,
  type VerificationSummary,
} from './predicates/verification-summary.ts'
import type { Statement } from './statement.ts'

export type Predicate = Provenance | VerificationSummary | Release

/** The predicate of a statement; undefined if it is of a type that nixsig does not know. Throws FormatError. */
export function parsePredicate(statement: Statement): Predicate | undefined {
  const node = rootNode('predicate', statement.predicate)
  switch (statement.predicateType) {
    case PROVENANCE:
      return readProvenance(node)
    case VERIFICATION_SUMMARY:
      return readVerificationSummary(node)
    case RELEASE:
      return readRelease(node)
    default:
      return undefined
  }
}

/**
 * How nixsig calls whoever signs, in `builder.id` and `verifier.id`: by the key id that their envelopes carry, which is
 * an SSH fingerprint (`SHA256:…`) or the fingerprint of an OpenPGP certificate.
 */
export function signerUri(as: 'builder' | 'verifier', keyid: string): string {
  return `nixsig:${as}:${keyid}`
}

/**
 * Whether a predicate says, in nixsig's own way, that its signer is another key than the one with this key id: who puts a
 * second signature under a builder's statement did not build. URIs of other parties name no key and say nothing about it.
 */
export function namesAnotherSigner(predicate: Predicate, keyid: string): boolean {
  if (predicate.kind === 'release' || !predicate.signer.startsWith('nixsig:')) return false
  const as = predicate.kind === 'provenance' ? 'builder' : 'verifier'
  return predicate.signer !== signerUri(as, keyid)
}
