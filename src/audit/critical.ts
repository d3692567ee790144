/** Without whom one path would not pass: thresholds, groups and their seats considered. Pure. */
import { judgeUnder } from '../policy/judge.ts'
import { datedFor, holdersOf } from '../policy/key-standing.ts'
import type { Instant, KeyIdentity, Policy, Revocation } from '../policy/policy.ts'
import type { Claim, Subject } from '../policy/verdict.ts'

/** A path that passes, and the signatures by which it does. */
export interface Passed {
  readonly subject: Subject
  readonly claims: readonly Claim[]
}

/** Each of whom alone is enough to make a path fall. */
export interface Critical {
  readonly keys: readonly KeyIdentity[]
  /** Names as in the policy. */
  readonly principals: readonly string[]
}

/** Somebody whose signatures do not count. */
type Without = Revocation['target']

/** Nothing depends on anybody. */
export const NOBODY: Critical = { keys: [], principals: [] }

/**
 * The keys and the principals without whose signatures a path that passes would be refused: each by
 * itself is taken away, and the path is judged again. Only those who signed it can be among them.
 * `about`: the policy about the path (policyFor).
 */
export function criticalFor(about: Policy, { subject, claims }: Passed, now: Instant): Critical {
  if (claims.length === 0) return NOBODY
  const evidence = { claims, strays: [], troubles: [] }
  const passes = (under: Policy) => judgeUnder(under, subject, evidence, now).outcome === 'trusted'
  const signers = signersOf(about, { subject, claims }, now)
  // What is refused anyhow falls with nobody.
  if (signers.keys.length === 0 || !passes(about)) return NOBODY
  const falls = (target: Without) => !passes(without(about, target))
  return {
    keys: signers.keys.filter(key => falls({ key })),
    principals: signers.principals.filter(principal => falls({ principal })),
  }
}

/** The policy if a key, or all keys of a principal, had never counted. */
export function without<P extends Policy>(policy: P, target: Without): P {
  return { ...policy, revocations: [...policy.revocations, { line: 0, target, from: 0 }] }
}

/** Everybody who signed, and whoever certified the keys that they signed with. */
function signersOf(policy: Policy, { subject, claims }: Passed, now: Instant): Critical {
  const keys = new Set<KeyIdentity>()
  const principals = new Set<string>()
  for (const { key, role } of claims) {
    for (const holder of holdersOf(policy, key)) {
      const dated = datedFor(policy, holder, { role, name: subject.name }, now)
      if (dated === undefined) continue
      principals.add(dated.principal.name)
      for (const one of [key, ...(dated.key.certifiedBy ?? [])]) keys.add(one)
    }
  }
  return { keys: [...keys], principals: [...principals] }
}
