/**
 * What can be answered from the ledger alone, within the few milliseconds that a hook should take.
 * Each function either answers yes or leaves the question to the full judgement (before-build.ts,
 * after-build.ts). Any error in here also leads to the full judgement.
 */
import { isAttestedIn } from '../evidence/attestation-file.ts'
import { assertOwnedDirectory } from '../files/owned-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { readAdmission } from '../ledger/admissions.ts'
import { settle } from '../ledger/expected.ts'
import { type PolicySnapshot, readSnapshot } from '../ledger/policy-snapshot.ts'
import { readSeenClaims } from '../ledger/seen-conflicts.ts'
import { identityOf } from '../ledger/stamp.ts'
import { hasUnfinished } from '../quarantine/unfinished.ts'
import { type AdmittedOutput, admittedBuild, isAdmitted, type Moment } from './admitted.ts'
import { expectBuild } from './expect-build.ts'
import { lengthForHook, PATHS_LIMIT } from './hook-paths.ts'
import { noteByLedger } from './note-by-ledger.ts'
import type { Places } from './places.ts'

/**
 * Whether a derivation could be built. All of these must hold: no killed hook left unfinished work;
 * the ledger has the derivation and all its inputs; none of its outputs is on the disk; and for
 * each output, any contents were acceptable when it was judged and nothing has been attested about
 * it since. The last can be said without asking only if the policy has no sources elsewhere. Throws
 * FileError.
 */
export function couldBuildByLedger(places: Places, drvPath: string): boolean {
  return buildableByLedger(places, drvPath) !== undefined
}

/**
 * Answers as `couldBuildByLedger` does, for a build that starts now: if it may start, expectations
 * for its outputs are written. Throws FileError.
 */
export function mayBuildByLedger(places: Places, drvPath: string): boolean {
  const buildable = buildableByLedger(places, drvPath)
  if (buildable === undefined) return false
  const { known, outputs } = buildable
  const admits = new Map(outputs.map(({ name }) => [name, { kind: 'any' } as const]))
  const valid = new Set<string>()
  const { until } = readAdmission(known.state, parseStorePath(drvPath).digest, drvPath) ?? {}
  const found = { policy: known.policy, until }
  expectBuild(known.state, { derivation: drvPath, outputs, time: known.now, found, admits, valid })
  noteByLedger(known, 'before-build', [{ path: drvPath }])
  return true
}

function buildableByLedger(places: Places, drvPath: string) {
  const known = readKnown(places)
  if (known === undefined) return undefined
  const outputs = admittedBuild(known, drvPath)
  if (outputs === undefined || lengthForHook(outputs.map(({ path }) => path.path)) > PATHS_LIMIT)
    return undefined
  // If something lies at an output's path, only the store can say whether it is valid or was left
  // by a killed build.
  const isGood = (output: AdmittedOutput) =>
    identityOf(output.path.path) === undefined && takesAnyStill(known, output)
  return outputs.every(isGood) ? { known, outputs } : undefined
}

/**
 * Whether any contents of an output are acceptable: they were when it was judged, and nobody has
 * said anything about it since.
 */
function takesAnyStill(known: Known, { path, takesAny }: AdmittedOutput): boolean {
  if (!takesAny || known.sources.length > 0) return false
  if (isAttestedIn(known.attestations, path.path) || readSeenClaims(known.state, path.path).length > 0)
    return false
  const entry = readAdmission(known.state, path.digest, path.path)
  return entry === undefined || entry.claims.length === 0
}

/**
 * Whether every output of a build is in the ledger as it lies in the store now. Throws FileError.
 */
export function isAdmittedByLedger(places: Places, drvPath: string): boolean {
  const known = readKnown(places)
  if (known === undefined) return false
  const outputs = admittedBuild(known, drvPath)
  if (!outputs?.every(({ path }) => isAdmitted(known, path, 'output'))) return false
  for (const { path } of outputs) settle(known.state, path.digest)
  noteByLedger(
    known,
    'after-build',
    outputs.map(({ path }) => path),
  )
  return true
}

/** What the ledger's entries are checked against, and where attestations may be. */
type Known = Moment & Pick<PolicySnapshot, 'attestations' | 'sources' | 'mode' | 'decisions'>

function readKnown({ state, policy }: Places): Known | undefined {
  assertOwnedDirectory(state)
  if (hasUnfinished(state)) return undefined
  const snapshot = readSnapshot(state, policy)
  if (snapshot === undefined) return undefined
  const now = Math.floor(Date.now() / 1000)
  return {
    state,
    policy: snapshot.digest,
    now,
    attestations: snapshot.attestations,
    sources: snapshot.sources,
    mode: snapshot.mode,
    decisions: snapshot.decisions,
  }
}
