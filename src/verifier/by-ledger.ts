/**
 * What can be said with the ledger alone, in the few milliseconds that a hook should take. Both functions answer yes or
 * leave the question to those who judge (before-build.ts, after-build.ts), and so does whatever goes wrong in here.
 */
import { isAttestedIn } from '../evidence/attestation-file.ts'
import { assertOwnedDirectory } from '../files/owned-file.ts'
import { settle } from '../ledger/expected.ts'
import { type PolicySnapshot, readSnapshot } from '../ledger/policy-snapshot.ts'
import { hasUnfinished } from '../quarantine/unfinished.ts'
import { admittedBuild, isAdmitted, type Moment } from './admitted.ts'
import { expectBuild } from './expect-build.ts'
import type { Places } from './places.ts'

/**
 * Whether a derivation could be built: nothing was left behind by a killed hook, the ledger has the derivation and
 * all that it is built from, and of the outputs that it does not have nobody attested anything, which only a policy
 * without sources elsewhere can say without asking. Throws FileError.
 */
export function couldBuildByLedger(places: Places, drvPath: string): boolean {
  return buildableByLedger(places, drvPath) !== undefined
}

/** The same for a build that starts now: if it may, its outputs are expected from now on. Throws FileError. */
export function mayBuildByLedger(places: Places, drvPath: string): boolean {
  const buildable = buildableByLedger(places, drvPath)
  if (buildable === undefined) return false
  const { known, outputs } = buildable
  // Nobody attested any of them, or the question would have been left to those who judge.
  expectBuild(known.state, { derivation: drvPath, outputs, time: known.now, allowed: new Map() })
  return true
}

function buildableByLedger(places: Places, drvPath: string) {
  const known = readMoment(places)
  if (known === undefined) return undefined
  const outputs = admittedBuild(known, drvPath)
  if (outputs === undefined) return undefined
  const isAttested = (path: string) => known.sources.length > 0 || isAttestedIn(known.attestations, path)
  const isUnsettled = outputs.some(({ path }) => !isAdmitted(known, path, 'output') && isAttested(path.path))
  return isUnsettled ? undefined : { known, outputs }
}

/** Whether a build made nothing that the ledger does not have as it lies in the store. Throws FileError. */
export function isAdmittedByLedger(places: Places, drvPath: string): boolean {
  const known = readMoment(places)
  if (known === undefined) return false
  const outputs = admittedBuild(known, drvPath)
  if (!outputs?.every(({ path }) => isAdmitted(known, path, 'output'))) return false
  for (const { path } of outputs) settle(known.state, path.digest)
  return true
}

function readMoment({
  state,
  policy,
}: Places): (Moment & Pick<PolicySnapshot, 'attestations' | 'sources'>) | undefined {
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
  }
}
