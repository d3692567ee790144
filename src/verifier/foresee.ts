import { developerSignatureFiles } from '../evidence/developer-signatures.ts'
import { mergeEvidence } from '../evidence/merge.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { Refusal, Subject } from '../policy/verdict.ts'
import { judgeWithGraph } from './admit.ts'
import type { Output } from './build.ts'
import { rememberedEvidence } from './evidence.ts'
import type { Gate } from './gate.ts'

/** What can be said of an output before it is built. */
export interface Foreseen {
  /** NAR hashes, hex, that trusted builders attested. */
  readonly allowed: readonly string[]
  /** Set where no outcome of the build could be trusted. */
  readonly refusal?: Refusal
}

/** Stands for a NAR hash that nobody has attested: that of an output which is not there yet. */
const UNKNOWN_HASH = '0'.repeat(64)

/**
 * Judges an output that is not there yet by what is attested of its path: once for each hash that anybody names and
 * once for one that nobody does. If all of these are refused, so is the build, and nothing is fetched or built in vain.
 * A source that has a developer's detached signature has to be fetched before that can be checked.
 */
export async function foresee(gate: Gate, output: Output): Promise<Foreseen> {
  const policy = await gate.policy()
  const { path, kind } = output
  if (kind === 'fetched-source' && developerSignatureFiles(policy.attestations, path.path).length > 0) {
    return { allowed: [] }
  }
  const entry = readAdmission(gate.places.state, path.digest, path.path)
  const attested = await gate.attested(path.path)
  const evidence = mergeEvidence([attested, rememberedEvidence(entry, entry?.narHash ?? '')])
  const hashes = new Set([...evidence.claims.map(claim => claim.narHash), UNKNOWN_HASH])
  const allowed: string[] = []
  const refusals: Refusal[] = []
  for (const narHash of hashes) {
    const subject: Subject = {
      path: path.path,
      name: path.name,
      kind,
      narHash,
      builtHere: true,
      derivationKnown: true,
    }
    const verdict = await judgeWithGraph(gate, subject, evidence, output.derivation)
    if (verdict.outcome !== 'trusted') refusals.push(verdict)
    else if (narHash !== UNKNOWN_HASH) allowed.push(narHash)
  }
  const [first] = refusals
  return refusals.length === hashes.size && first !== undefined
    ? { allowed: [], refusal: first }
    : { allowed }
}
