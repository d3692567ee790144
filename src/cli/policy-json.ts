import type { Key, Policy, Requirement, Rule } from '../policy/policy.ts'
import type { Why } from '../policy/why.ts'

/** The parts of a policy that say who counts for what, as `policy describe --json` prints them. */
export function policyJson(policy: Policy) {
  const { mode, digest, attestations, sources, principals, groups, rules, fallback } = policy
  return {
    mode,
    digest,
    attestations: { directories: attestations, sources: sources.map(({ url, maxAge }) => ({ url, maxAge })) },
    upstreams: policy.gate.upstreams.map(({ url }) => url),
    principals: [...principals.values()].map(({ name, keys }) => ({ name, keys: keys.map(keyJson) })),
    groups: [...groups.values()].map(({ name, members, threshold }) => ({ name, members, threshold })),
    lists: [...policy.lists.values()].map(({ book, name, line, roles, names, grace, corroborated }) => ({
      name,
      line,
      roles,
      names,
      grace,
      corroborated,
      ...('problem' in book
        ? { state: null, problem: book.problem }
        : {
            state: { version: book.version, digest: book.digest, ends: book.ends, seen: book.seen },
            problem: null,
          }),
    })),
    developers: policy.developers.map(({ name, names, urls, by, threshold }) => ({
      name,
      names,
      urls,
      by,
      threshold,
    })),
    rules: [...rules, fallback].map(ruleJson),
    inputs: policy.inputs.map(({ title, line, url, require, acceptUnlocked }) => ({
      title,
      line,
      url,
      require: requirementJson(require),
      acceptUnlocked,
    })),
    revocations: policy.revocations.map(({ line, target, from, reason }) => ({
      line,
      ...target,
      from,
      reason: reason ?? null,
    })),
    exemptions: policy.exemptions.map(({ line, match, reason, author, until }) => ({
      line,
      ...match,
      reason,
      author: author ?? null,
      until,
    })),
  }
}

function keyJson(key: Key) {
  return {
    form: 'form' in key ? key.form : key.kind,
    label: key.label,
    identity: key.identity,
    validFrom: key.validFrom ?? null,
    validUntil: key.validUntil ?? null,
  }
}

function ruleJson({ title, line, name, kinds, require }: Rule) {
  const stated = Object.entries(require).map(([aspect, requirement]) => [
    aspect,
    requirementJson(requirement),
  ])
  return { title, line, name, kinds, require: Object.fromEntries(stated) }
}

/** `nothing`, `refuse`, or who is needed. */
function requirementJson(requirement: Requirement) {
  if (requirement.kind !== 'all') return requirement.kind
  return requirement.demands.map(({ who, role }) => ({ who, role: role ?? null }))
}

/** Which rule decides about a path, and what became of its demands. */
export function whyJson({ rule, passedOver, requires, demands, exemption }: Why) {
  return {
    rule: { title: rule.title, line: rule.line },
    passedOver,
    requires: requires === 'demands' ? 'somebody' : requires,
    demands: demands.map(({ demand, state, by }) => ({
      who: demand.who,
      role: demand.role ?? null,
      state,
      by,
    })),
    exemption:
      exemption === undefined
        ? null
        : { line: exemption.line, until: exemption.until, reason: exemption.reason },
  }
}
