import { settle } from '../ledger/expected.ts'
import type { Refusal, Trust } from '../policy/verdict.ts'
import { paragraph } from '../policy/wording.ts'
import { quarantine } from '../quarantine/quarantine.ts'
import { openStore, type PathInfo } from '../store/store-client.ts'
import { admitBuild, judgeInput } from './admit.ts'
import { isAdmitted } from './admitted.ts'
import { attestOutput } from './attest-output.ts'
import {
  type Output,
  outputsOf,
  readDerivation,
  type StoredDerivation,
  UnsupportedDerivationError,
} from './build.ts'
import type { Gate } from './gate.ts'
import { recordTrust } from './record.ts'
import { refusalOf } from './refusal-of-error.ts'

/** What became of the outputs of one build. */
export interface BuildOutcome {
  readonly admitted: readonly string[]
  readonly refusals: readonly Refusal[]
  /** Quarantine entries that hold refused outputs; none in warn mode. */
  readonly quarantined: readonly string[]
}

/** An output that is valid in the store and has not been judged. */
interface Fresh {
  readonly output: Output
  readonly info: PathInfo
}

/** A path that leaves the store, and the derivation that made it. */
interface Condemned {
  readonly derivation: string
  readonly info: PathInfo
}

/**
 * Judges what a build put into the store: the derivation and its inputs once more, for a hook may have been skipped,
 * then each output that is valid and stands not in the ledger yet. What is trusted is attested with this machine's key
 * and admitted. One refused output condemns all of the build: in enforce mode they leave the store for the quarantine,
 * and so they do when judging fails or the policy cannot even be read. Throws where the store itself does not answer.
 */
export async function afterBuild(gate: Gate, drvPath: string): Promise<BuildOutcome> {
  const stored = readDerivation(drvPath)
  const unsupported = unsupportedBy(stored)
  if (unsupported !== undefined) return refuseUnsupported(gate, drvPath, unsupported)
  const fresh = await freshOutputs(gate, stored)
  if (fresh.length === 0) return { admitted: [], refusals: [], quarantined: [] }
  const { trusted, refusals } = await judgeOutputs(gate, stored, fresh)

  if (refusals.length > 0) {
    const condemned = fresh.map(({ info }) => ({ derivation: drvPath, info }))
    const quarantined = await condemn(gate, condemned, refusals)
    for (const { output } of fresh) settle(gate.places.state, output.path.digest)
    return { admitted: [], refusals, quarantined }
  }
  for (const [{ output, info }, trust] of trusted) {
    // Attested first: killed in between, the next hook finds no entry, and makes the same attestation again.
    await attestOutput(gate, output, info)
    await recordTrust(gate, trust, output.path, drvPath)
    settle(gate.places.state, output.path.digest)
  }
  return { admitted: fresh.map(({ output }) => output.path.path), refusals, quarantined: [] }
}

async function freshOutputs(gate: Gate, stored: StoredDerivation): Promise<readonly Fresh[]> {
  const { state } = gate.places
  const digest = await gate.snapshot().then(
    snapshot => snapshot.digest,
    () => undefined,
  )
  const fresh: Fresh[] = []
  for (const output of outputsOf(stored)) {
    if (
      digest !== undefined &&
      isAdmitted({ state, policy: digest, now: gate.now }, output.path, output.kind)
    ) {
      settle(state, output.path.digest)
      continue
    }
    const info = await (await gate.store()).pathInfo(output.path.path)
    if (info !== undefined) fresh.push({ output, info })
  }
  return fresh
}

async function judgeOutputs(gate: Gate, stored: StoredDerivation, fresh: readonly Fresh[]) {
  const trusted: (readonly [Fresh, Trust])[] = []
  const refusals: Refusal[] = []
  try {
    refusals.push(...(await admitBuild(gate, stored)))
    for (const item of fresh) {
      const verdict = await judgeInput(gate, item.output, item.info.ultimate)
      if (verdict.outcome === 'trusted') trusted.push([item, verdict])
      else refusals.push(verdict)
    }
  } catch (error) {
    refusals.push(refusalOf(error, stored.path.path, 'derivation'))
  }
  return { trusted, refusals }
}

function unsupportedBy(stored: StoredDerivation): UnsupportedDerivationError | undefined {
  try {
    outputsOf(stored)
    return undefined
  } catch (error) {
    if (error instanceof UnsupportedDerivationError) return error
    throw error
  }
}

/** Refuses whatever a derivation made whose outputs only the store knows. */
async function refuseUnsupported(
  gate: Gate,
  drvPath: string,
  error: UnsupportedDerivationError,
): Promise<BuildOutcome> {
  const store = await gate.store()
  const condemned: Condemned[] = []
  for (const path of (await store.outputs(drvPath)).values()) {
    const info = path === undefined ? undefined : await store.pathInfo(path)
    if (info !== undefined) condemned.push({ derivation: drvPath, info })
  }
  const refusals = [refusalOf(error, drvPath, 'derivation')]
  return { admitted: [], refusals, quarantined: await condemn(gate, condemned, refusals) }
}

async function isEnforcing(gate: Gate): Promise<boolean> {
  return gate.policy().then(
    policy => policy.mode === 'enforce',
    () => true,
  )
}

/** Moves refused paths into the quarantine, unless the policy only warns; ids of the entries. */
async function condemn(gate: Gate, condemned: readonly Condemned[], refusals: readonly Refusal[]) {
  if (!(await isEnforcing(gate))) return []
  const outcome = refusals.every(refusal => refusal.outcome === 'untrusted') ? 'untrusted' : 'indeterminate'
  const reason = refusals.map(paragraph).join('\n')
  const entries = condemned.map(
    ({ derivation, info }) =>
      ({
        path: info.path,
        narHash: info.narHash,
        narSize: info.narSize,
        references: info.references,
        derivation,
        registered: info.registrationTime,
        refused: gate.now,
        outcome,
        reason,
      }) as const,
  )
  return quarantine(gate.places.state, entries, openStore)
}
