/** Which entries of the ledger a policy says the same about, so that one of them is judged for all. */
import { nameIn } from '../formats/nix/store-path.ts'
import { exemptionFor, ruleFor } from '../policy/match.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { JudgedAdmission } from '../reach/by-record.ts'
import { subjectOfEntry } from '../verifier/subject.ts'

/** Whether nothing in a policy but its rules and exemptions is about names. */
export function hasAlike({ lists, developers, principals }: Policy): boolean {
  if (lists.size > 0 || developers.length > 0) return false
  return ![...principals.values()].some(({ keys }) => keys.some(({ grants }) => grants !== undefined))
}

/**
 * A text that is equal for entries on which the policy says the same: those under one rule, by the
 * same keys, where nothing in the policy is about one name or one time of signing alone. Undefined
 * where that is not so.
 */
export function alikeTo(policy: Policy, entry: JudgedAdmission, now: Instant): string | undefined {
  const { kind, builtHere, derivation, claims, until } = entry
  // Only of Nix's own signatures it does not matter when they were seen.
  if (claims.length === 0 || claims.some(({ trace }) => trace !== 'nix')) return undefined
  const { path } = entry
  const name = nameOf(entry)
  if (exemptionFor(policy, { path, name, kind }, now) !== undefined) return undefined
  // One line of a policy may have several; the default is none of them.
  const place = policy.rules.indexOf(ruleFor(policy, { name, kind }))
  let text = `${kind} ${builtHere} ${derivation === undefined} ${until === undefined} ${place}`
  // Nothing that an entry says has a line feed, and only the last word of each has spaces.
  for (const { key, role, graph, origin } of claims) text += `\n${key} ${role} ${graph ?? '-'} ${origin}`
  return text
}

/** As subjectOfEntry has it. */
function nameOf(entry: JudgedAdmission): string {
  if (entry.kind === 'derivation') return subjectOfEntry(entry).name
  // It was found by the digest of its path, which is a store path.
  return nameIn(entry.path)
}
