import { existsSync } from 'node:fs'
import { attestationFile } from '../evidence/attestation-files.ts'
import { expectOutput, settle } from '../ledger/expected.ts'
import type { Refusal } from '../policy/verdict.ts'
import { isAdmitted, isDerivationAdmitted, type Moment } from './admitted.ts'
import { inputsOf, type Output, outputsOf, readDerivation, type StoredDerivation } from './build.ts'
import type { Gate } from './gate.ts'

/**
 * Judges whether a derivation may be built: itself, its sources, and that all else it is built from was admitted. All
 * refusals, none if it may; then its outputs are expected (see ledger/expected.ts). Where the ledger answers for
 * everything, this reads a handful of small files and nothing else.
 */
export async function beforeBuild(gate: Gate, drvPath: string): Promise<readonly Refusal[]> {
  const stored = readDerivation(drvPath)
  const outputs = outputsOf(stored)
  const { digest } = await gate.snapshot()
  const moment = { state: gate.places.state, policy: digest, now: gate.now }

  const refusals: Refusal[] = []
  if (!isBuildAdmitted(moment, stored)) {
    const { admitBuild } = await import('./admit.ts')
    refusals.push(...(await admitBuild(gate, stored)))
  }
  for (const output of outputs) {
    const foreseen = (await isForeseeable(gate, moment, output))
      ? await (await import('./foresee.ts')).foresee(gate, output)
      : { allowed: [] }
    if (foreseen.refusal !== undefined) refusals.push(foreseen.refusal)
    expectOutput(gate.places.state, {
      digest: output.path.digest,
      path: output.path.path,
      derivation: drvPath,
      output: output.name,
      time: gate.now,
      allowed: foreseen.allowed,
    })
  }
  if (refusals.length > 0 && (await gate.policy()).mode === 'enforce') {
    for (const output of outputs) settle(gate.places.state, output.path.digest)
  }
  return refusals
}

function isBuildAdmitted(moment: Moment, stored: StoredDerivation): boolean {
  return (
    isDerivationAdmitted(moment, stored) && inputsOf(stored).every(input => isAdmitted(moment, input.path))
  )
}

/** Whether anything can be said of an output before it is there: a fetched source, or one that others attested. */
async function isForeseeable(gate: Gate, moment: Moment, output: Output): Promise<boolean> {
  if (isAdmitted(moment, output.path)) return false
  if (output.kind === 'fetched-source') return true
  const { attestations } = await gate.snapshot()
  return attestations.some(directory => existsSync(attestationFile(directory, output.path.path)))
}
