/** The lines that `nixsig attest` writes: a signed envelope each. */
import { signEnvelope } from '../../crypto/envelope.ts'
import type { KeyPair } from '../../crypto/secret-key.ts'
import { jsonObject } from '../../formats/json-print.ts'
import { type DerivationBuild, PROVENANCE, provenanceJson } from '../../formats/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../formats/predicates/release.ts'
import {
  type CheckedSignature,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../formats/predicates/verification-summary.ts'
import { parsePredicate, signerUri } from '../../formats/predicates.ts'
import { printStatement, type Statement } from '../../formats/statement.ts'
import type { Contents } from './contents.ts'

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
export function summaryLine(key: KeyPair, contents: Contents, summary: Summary, now: number): string {
  const { level, inputs, remark } = summary
  const annotations = remark === undefined ? {} : { annotations: jsonObject([['remark', remark]]) }
  const predicate = verificationSummaryJson({
    signer: signerUri('verifier', key.publicKey),
    timeVerified: now,
    resourceUri: `nixsig:${contents.path}`,
    passed: true,
    levels: [level],
    inputs,
  })
  const subjects = [{ ...subjectOf(contents), ...annotations }]
  return signStatement({ subjects, predicateType: VERIFICATION_SUMMARY, predicate }, key)
}

/** A developer's word that some contents are a release of theirs; `purl`: a package URL with a version. */
export function releaseLine(key: KeyPair, contents: Contents, purl: string): string {
  const predicate = releaseJson(purl)
  return signStatement({ subjects: [subjectOf(contents)], predicateType: RELEASE, predicate }, key)
}

/** A builder's word that a derivation made these contents; `finished` in seconds since 1970. */
export function provenanceLine(
  key: KeyPair,
  contents: Contents,
  build: DerivationBuild,
  finished: number,
): string {
  const predicate = provenanceJson(signerUri('builder', key.publicKey), build, finished)
  return signStatement({ subjects: [subjectOf(contents)], predicateType: PROVENANCE, predicate }, key)
}

/** Signs nothing that nobody could read: throws FormatError for a predicate that is none. */
function signStatement(statement: Statement, key: KeyPair): string {
  parsePredicate(statement)
  return signEnvelope(printStatement(statement), key)
}

function subjectOf({ path, narHash }: Contents) {
  return { name: path, narHash }
}
