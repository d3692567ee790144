/** The lines that `nixsig attest` writes: a signed envelope each. */
import { envelopeBy } from '../../crypto/envelope.ts'
import type { Signer } from '../../crypto/signers/signer.ts'
import {
  type DerivationBuild,
  PROVENANCE,
  provenanceJson,
} from '../../formats/in-toto/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../formats/in-toto/predicates/release.ts'
import {
  type CheckedSignature,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../formats/in-toto/predicates/verification-summary.ts'
import { parsePredicate, resourceUriOf, signerUri } from '../../formats/in-toto/predicates.ts'
import { printStatement, type Statement, type Subject } from '../../formats/in-toto/statement.ts'
import { jsonObject } from '../../formats/json/print.ts'
import type { Contents } from '../contents.ts'

/** What a packager or a reviewer found. */
export interface Summary {
  /** One of LEVEL. */
  readonly level: string
  /** The developers' signatures that were checked. */
  readonly inputs: readonly CheckedSignature[]
  /** Said beside it, for people; nothing is decided by it. */
  readonly remark?: string
}

/** A packager's or reviewer's word about some contents; `now` in seconds since 1970. */
export function summaryLine(
  signer: Signer,
  contents: Contents,
  summary: Summary,
  now: number,
): Promise<string> {
  const { level, inputs, remark } = summary
  const annotations = remark === undefined ? {} : { annotations: jsonObject([['remark', remark]]) }
  const predicate = verificationSummaryJson({
    signer: signerUri('verifier', signer.keyid),
    timeVerified: now,
    resourceUri: resourceUriOf(contents.path),
    passed: true,
    levels: [level],
    inputs,
  })
  const subjects = [{ ...subjectOf(contents), ...annotations }]
  return signStatement({ subjects, predicateType: VERIFICATION_SUMMARY, predicate }, signer)
}

/**
 * A developer's word that some contents are a release of theirs; `purl`: a package URL with a
 * version.
 */
export function releaseLine(signer: Signer, contents: Contents, purl: string): Promise<string> {
  const predicate = releaseJson(purl)
  return signStatement({ subjects: [subjectOf(contents)], predicateType: RELEASE, predicate }, signer)
}

/**
 * A builder's word that a derivation made these contents, and what they refer to if the builder
 * knows; `finished` in seconds since 1970.
 */
export function provenanceLine(
  signer: Signer,
  contents: Contents & Pick<Subject, 'references'>,
  build: DerivationBuild,
  finished: number,
): Promise<string> {
  const predicate = provenanceJson(signerUri('builder', signer.keyid), build, finished)
  const { references } = contents
  const subject = { ...subjectOf(contents), ...(references && { references }) }
  return signStatement({ subjects: [subject], predicateType: PROVENANCE, predicate }, signer)
}

/** Signs nothing that nobody could read: throws FormatError for a predicate that is not valid. */
async function signStatement(statement: Statement, signer: Signer): Promise<string> {
  parsePredicate(statement)
  return envelopeBy(signer, printStatement(statement))
}

function subjectOf({ path, narHash }: Contents) {
  return { name: path, narHash }
}
