/**
 * SLSA verification summaries v1 (slsa.dev/spec/v1.0/verification_summary): somebody examined the
 * subject and states the result. nixsig's own levels tell in which role they did so. The fields
 * that nixsig uses are read strictly. Other fields are ignored, because the specification lets
 * verifiers add some.
 */
import { jsonObject } from '../../json/print.ts'
import { fields, type JsonNode, listOf, malformed, readString, sha256Of, stringOf } from '../../json/shape.ts'
import type { JsonObject } from '../../json/strict.ts'
import { parseTimestamp, printTimestamp } from '../../timestamp.ts'

/** The predicate type. */
export const VERIFICATION_SUMMARY = 'https://slsa.dev/verification_summary/v1'

/**
 * The levels that nixsig knows. SLSA reserves the prefix `SLSA_` and leaves all other names to
 * verifiers.
 */
export const LEVEL = {
  /** A packager verified the developer's detached signature, which `inputs` names. */
  developerSignatureChecked: 'NIXSIG_DEVELOPER_SIGNATURE_CHECKED',
  /** A packager vouches for this one source or derivation. */
  packaged: 'NIXSIG_PACKAGED',
  /** A packager vouches for this derivation and its whole build graph. */
  packagedGraph: 'NIXSIG_PACKAGED_GRAPH',
  /** A reviewer read it. */
  reviewed: 'NIXSIG_REVIEWED',
} as const

/** The `policy` of nixsig's levels, used where a summary names no other. */
const LEVEL_RULES = 'nixsig:levels:v1'

const LEVEL_LIMIT = 64
const INPUT_LIMIT = 64

/** A signature that was checked. */
export interface CheckedSignature {
  /** The key that made it: `openpgp4fpr:<fingerprint>` or `minisign:<key>`. */
  readonly uri: string
  /** SHA-256 of the signature file, lower-case hex. */
  readonly sha256: string
}

/** A verification summary predicate. */
export interface VerificationSummary {
  readonly kind: 'verification-summary'
  /** The URI of the verifier. For nixsig's own it is made of their key id, see signerUri. */
  readonly signer: string
  readonly resourceUri: string
  /** The URI of the policy that the verifier applied. If absent, nixsig's own is written. */
  readonly policyUri?: string
  readonly passed: boolean
  readonly levels: readonly string[]
  /** The checked signatures that are given in nixsig's form. */
  readonly inputs: readonly CheckedSignature[]
  /** Seconds since 1970. */
  readonly timeVerified?: number
}

/**
 * Reads the predicate. Throws FormatError, also if it claims a checked developer signature without
 * naming one.
 */
export function readVerificationSummary(node: JsonNode): VerificationSummary {
  const summary = fields(node, {
    required: ['verifier', 'resourceUri', 'policy', 'verificationResult', 'verifiedLevels'],
    optional: ['inputAttestations', 'timeVerified'],
    others: 'ignore',
  })
  const verifier = fields(summary.verifier, { required: ['id'], optional: [], others: 'ignore' })
  const policy = fields(summary.policy, { required: [], optional: ['uri'], others: 'ignore' })
  const result = stringOf(summary.verificationResult)
  if (result !== 'PASSED' && result !== 'FAILED') {
    throw malformed(summary.verificationResult, 'must be PASSED or FAILED')
  }
  const levels = listOf(summary.verifiedLevels, LEVEL_LIMIT).map(stringOf)
  const inputs = readInputs(summary.inputAttestations)
  if (levels.includes(LEVEL.developerSignatureChecked) && inputs.length === 0) {
    throw malformed(node, `${LEVEL.developerSignatureChecked} without a signature in inputAttestations`)
  }
  const time = summary.timeVerified
  return {
    kind: 'verification-summary',
    signer: stringOf(verifier.id),
    resourceUri: stringOf(summary.resourceUri),
    ...(policy.uri === undefined ? {} : { policyUri: stringOf(policy.uri) }),
    passed: result === 'PASSED',
    levels,
    inputs,
    ...(time === undefined ? {} : { timeVerified: readString(time, parseTimestamp) }),
  }
}

/** The predicate of a summary, as readVerificationSummary reads it. */
export function verificationSummaryJson(summary: Omit<VerificationSummary, 'kind'>): JsonObject {
  const { policyUri, timeVerified } = summary
  return jsonObject([
    ['verifier', jsonObject([['id', summary.signer]])],
    ['timeVerified', timeVerified === undefined ? undefined : printTimestamp(timeVerified)],
    ['resourceUri', summary.resourceUri],
    ['policy', jsonObject([['uri', policyUri ?? LEVEL_RULES]])],
    ['inputAttestations', summary.inputs.length === 0 ? undefined : summary.inputs.map(inputJson)],
    ['verificationResult', summary.passed ? 'PASSED' : 'FAILED'],
    ['verifiedLevels', summary.levels],
  ])
}

/** Inputs of other verifiers may lack `sha256` or have any URI. nixsig skips those. */
function readInputs(node: JsonNode | undefined): readonly CheckedSignature[] {
  if (node === undefined) return []
  return listOf(node, INPUT_LIMIT).flatMap(entry => {
    const { uri, digest } = fields(entry, {
      required: [],
      optional: ['uri', 'digest'],
      others: 'ignore',
    })
    if (uri === undefined || digest === undefined) return []
    const { sha256 } = fields(digest, { required: [], optional: ['sha256'], others: 'ignore' })
    if (sha256 === undefined || !/^(openpgp4fpr|minisign|nixsig:key):/i.test(stringOf(uri))) return []
    return [{ uri: stringOf(uri), sha256: sha256Of(sha256) }]
  })
}

function inputJson(input: CheckedSignature): JsonObject {
  return jsonObject([
    ['uri', input.uri],
    ['digest', jsonObject([['sha256', input.sha256]])],
  ])
}
