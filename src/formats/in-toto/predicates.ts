/** The predicates that nixsig understands: what a statement says about its subjects. */
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

/** A predicate of a known type. */
export type Predicate = Provenance | VerificationSummary | Release

/**
 * Reads the predicate of a statement; undefined if nixsig does not know its type. Throws
 * FormatError.
 */
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
 * The name of a signer in `builder.id` and `verifier.id`, made of the key id in the signer's
 * envelopes: an SSH fingerprint (`SHA256:…`) or the fingerprint of an OpenPGP certificate.
 */
export function signerUri(as: 'builder' | 'verifier', keyid: string): string {
  return `nixsig:${as}:${keyid}`
}

/**
 * Whether a predicate names, with a nixsig URI, another signer than the key with this key id:
 * somebody who adds a second signature to a builder's statement did not do the build. URIs of other
 * parties name no key and are ignored.
 */
export function namesAnotherSigner(predicate: Predicate, keyid: string): boolean {
  if (predicate.kind === 'release') return false
  const own = nixsigUri(predicate.signer)
  const as = predicate.kind === 'provenance' ? 'builder' : 'verifier'
  return own !== undefined && own !== signerUri(as, keyid)
}

/** The `resourceUri` of a store path. */
export function resourceUriOf(path: string): string {
  return `nixsig:${path}`
}

/**
 * What a predicate claims to be about, if that is not this subject of its statement; undefined if
 * the two agree. The `resourceUri` of a summary must be the path's, as SLSA demands of verifiers. A
 * build of nixsig's build type names its derivation and output, which give the output's store path
 * name; and no path is built from itself.
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
