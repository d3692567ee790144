/** What a statement says about its subjects: the predicates that nixsig understands. */
import { rootNode } from '../json/shape.ts'
import { derivationName, outputPathName, parseStorePath } from '../nix/store-path.ts'
import { nixsigUri } from './nixsig-uri.ts'
import { type DerivationBuild, PROVENANCE, type Provenance, readProvenance } from './predicates/provenance.ts'
import { RELEASE, type Release, readRelease } from './predicates/release.ts'
import {
  readVerificationSummary,
  VERIFICATION_SUMMARY,
  type VerificationSummary,
} from './predicates/verification-summary.ts'
import type { Statement, Subject } from './statement.ts'

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
 * Whether a predicate says, in nixsig's own way, that its signer is another key than the one with this key id: who
 * puts a second signature under a builder's statement did not build. URIs of other parties name no key and say
 * nothing about it.
 */
export function namesAnotherSigner(predicate: Predicate, keyid: string): boolean {
  if (predicate.kind === 'release') return false
  const own = nixsigUri(predicate.signer)
  const as = predicate.kind === 'provenance' ? 'builder' : 'verifier'
  return own !== undefined && own !== signerUri(as, keyid)
}

/** How nixsig calls a store path in `resourceUri`. */
export function resourceUriOf(path: string): string {
  return `nixsig:${path}`
}

/**
 * What a predicate is about by its own word, where that is not this subject of its statement; undefined where the two
 * agree. A summary's `resourceUri` must be the path's, as SLSA demands of whoever goes by it. A build of nixsig's
 * kind names its derivation and output, and with them the output's name; and nothing is built from itself.
 */
export function otherSubjectOf(predicate: Predicate, subject: Subject): string | undefined {
  switch (predicate.kind) {
    case 'verification-summary': {
      const { resourceUri } = predicate
      return nixsigUri(resourceUri) === resourceUriOf(subject.name)
        ? undefined
        : `resourceUri "${resourceUri}"`
    }
    case 'provenance':
      return predicate.build && otherOutputOf(predicate.build, subject)
    case 'release':
      return undefined
  }
}

function otherOutputOf(
  { derivation, output, inputs }: DerivationBuild,
  subject: Subject,
): string | undefined {
  const name = outputPathName(derivationName(parseStorePath(derivation)), output)
  if (parseStorePath(subject.name).name !== name) return `output ${output} of ${derivation}`
  return inputs.some(input => input.name === subject.name) ? `built from itself, ${subject.name}` : undefined
}
