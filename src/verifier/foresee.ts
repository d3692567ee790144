import { mergeEvidence } from '../evidence/merge.ts'
import { developerSignatureFiles } from '../evidence/signature-files.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { Verdict } from '../policy/verdict.ts'
import type { Output } from './build.ts'
import { rememberedEvidence } from './evidence.ts'
import { judgeWithGraph } from './graph.ts'
import { doubting, unreadableIn } from './in-band.ts'
import type { Inquiry } from './inquiry.ts'
import { makersOf } from './makers.ts'
import { subjectOf } from './subject.ts'

/** What can be said of an output before it is built. */
export interface Foreseen {
  /** NAR hashes, hex, that trusted builders attested. */
  readonly allowed: readonly string[]
  /** Of the best outcome that the build can have; missing where that cannot be said before it is there. */
  readonly verdict?: Verdict
}

/** Stands for a NAR hash that nobody has attested: that of an output which is not there yet. */
const UNKNOWN_HASH = '0'.repeat(64)

/**
 * Judges an output that is not there yet by what is attested of its path: once for each hash that anybody names and
 * once for one that nobody does. If all of these are refused, so is the build, and nothing is fetched or built in
 * vain. A source that has a developer's detached signature, kept here or named by its derivation, has to be fetched
 * before that can be checked. `outcomes`: the NAR hashes to judge in place of these, where it is known how the build
 * came out.
 */
export async function foresee(
  inquiry: Inquiry,
  output: Output,
  outcomes?: readonly string[],
): Promise<Foreseen> {
  const policy = await inquiry.policy()
  const { path, kind } = output
  const attested = await inquiry.attested(path.path)
  const isSigned =
    developerSignatureFiles(policy.attestations, path.path).length > 0 ||
    output.declared?.some(({ signatures }) => signatures.length > 0) === true
  if (kind === 'fetched-source' && isSigned && attested.troubles.length === 0) return { allowed: [] }
  const entry = readAdmission(inquiry.places.state, path.digest, path.path)
  const remembered = await rememberedEvidence(inquiry, entry, entry?.narHash ?? '')
  const evidence = mergeEvidence([attested, remembered])
  const others = kind === 'fetched-source' ? await makersOf(inquiry, path) : []
  const makers = [output.derivation, ...others.map(({ derivation }) => derivation)]
  const hashes = new Set(outcomes ?? [...evidence.claims.map(claim => claim.narHash), UNKNOWN_HASH])
  const allowed: string[] = []
  const verdicts: Verdict[] = []
  for (const narHash of hashes) {
    const subject = subjectOf(output, { narHash, builtHere: true })
    // Contents that nobody has seen contradict nobody's word.
    const verdict = await judgeWithGraph({ ...inquiry, notesConflicts: false }, subject, evidence, makers)
    verdicts.push(verdict)
    if (verdict.outcome === 'trusted' && narHash !== UNKNOWN_HASH) allowed.push(narHash)
  }
  const best = verdicts.find(({ outcome }) => outcome === 'trusted') ?? verdicts[0]
  return best === undefined ? { allowed } : { allowed, verdict: doubting(best, unreadableIn(output)) }
}
