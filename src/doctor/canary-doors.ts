/** Doors that were tried. */
import { closed, type Finding, known, type Learned, notApplicable, open, unknown } from './door.ts'
import type { Canary, Facts } from './facts.ts'

export const importByRoot = (facts: Facts) => tried(facts, facts.canaries.importByRoot, importLetIn)
export const importByDaemon = (facts: Facts) => tried(facts, facts.canaries.importByDaemon, importLetIn)
export const buildByRoot = (facts: Facts) => tried(facts, facts.canaries.buildByRoot, buildLetIn)
export const keptBuildByRoot = (facts: Facts) => tried(facts, facts.canaries.keptBuildByRoot, buildLetIn)
export const keptBuildByDaemon = (facts: Facts) => tried(facts, facts.canaries.keptBuildByDaemon, buildLetIn)
export const buildByDaemon = (facts: Facts) => tried(facts, facts.canaries.buildByDaemon, buildLetIn)

function tried(
  facts: Facts,
  canary: Learned<Canary> | undefined,
  letIn: (isJudged: boolean) => Finding,
): Finding {
  if (canary === undefined) return notApplicable('no daemon runs')
  if ('problem' in canary) return unknown(canary.problem)
  const { value } = canary
  if (value.kind === 'refused') return closed(value.by)
  if (value.kind === 'failed') return unknown(`it did not come in, but for another reason: ${value.why}`)
  if (known(facts.policy)?.mode === 'warn') return open('warn mode: open by choice', 'nixsig enforce')
  return letIn(value.isJudged)
}

function importLetIn(isJudged: boolean): Finding {
  if (!isJudged) return open('a path that nobody attested came in, and was removed again')
  return open(
    'the policy lets in paths that nobody attested',
    'have its rules require somebody for outputs (nixsig policy describe)',
  )
}

/** A policy may explicitly accept anything that is built here, without a signature. */
function buildLetIn(isJudged: boolean): Finding {
  if (!isJudged)
    return open('a derivation that nobody signed was built without being judged, and was removed again')
  return closed('note: it was judged; the policy allows unsigned derivations to be built here')
}

/** What the doctor could not remove again. */
export function leftovers({ canaries }: Facts): Finding {
  const { leftovers } = canaries
  if (leftovers.length === 0) return closed('nothing is left of the attempts')
  return open(`left by the attempts: ${leftovers.join(', ')}`, `nix-store --delete ${leftovers.join(' ')}`)
}
