/**
 * Sources whose developers depend on their addresses (docs/semantics.md, S19), which the ledger
 * does not have. Whether they pass cannot be told by the record then; whether a change of the
 * policy can matter to them can.
 */

import { basename } from 'node:path'
import { ENTRY_LIMIT } from '../policy/lists/entries.ts'
import { listNameOf } from '../policy/lists/names.ts'
import { type About, isAbout, policyFor } from '../policy/lists/policy-for.ts'
import { endOfList, isInScope } from '../policy/lists/scope.ts'
import { exemptionFor, requirementFor, ruleFor } from '../policy/match.ts'
import { type Instant, ITS_DEVELOPERS, type Policy, type Principal } from '../policy/policy.ts'
import type { Subject } from '../policy/verdict.ts'
import { plain } from './plain.ts'

/**
 * The policy about a subject of the ledger: for a source, with everybody who may be its developer,
 * whatever its addresses are.
 */
export function policyByRecord(policy: Policy, subject: Subject): Policy {
  return policyFor(policy, subject.kind === 'fetched-source' ? anywhere(subject) : subject)
}

function anywhere({ name, kind }: Subject): About {
  return { name, kind, urls: 'any' }
}

/** Whether a policy names other developers of this source for some addresses than for none. */
export function needsAddresses(policy: Policy, subject: Subject): boolean {
  if (subject.kind !== 'fetched-source') return false
  const { whole, groups } = aboutOf(policyByRecord(policy, subject))
  if (!groups.has(ITS_DEVELOPERS)) return false
  const without = policyFor(whole, { ...subject, urls: [] })
  return plain(developersIn(groups)) !== plain(developersIn(without.groups))
}

/**
 * Everything in a policy that a verdict on this source by signatures may depend on, as one text.
 * Undefined if so many may be its developers that not all are known.
 */
export function partAbout(policy: Policy, subject: Subject, now: Instant): string | undefined {
  const about = policyByRecord(policy, subject)
  const { groups, principals, revocations, lists } = about
  if ((groups.get(ITS_DEVELOPERS)?.members.length ?? 0) > ENTRY_LIMIT) return undefined
  const rule = ruleFor(policy, subject)
  const requirement = requirementFor(rule, subject.kind)
  const asked = requirement.kind === 'all' ? requirement.demands.map(({ who }) => who) : []
  const names = reachedFrom(asked, groups)
  const people = [...names].flatMap(name => principals.get(name) ?? []).map(one => plainly(one, lists))
  const ids = new Set(
    people.flatMap(({ keys }) =>
      keys.flatMap(({ identity, certifiedBy = [] }) => [identity, ...certifiedBy]),
    ),
  )
  return plain({
    rule: { ...rule, line: 0 },
    exemption: exemptionFor(policy, subject, now) !== undefined,
    people,
    entries: isAbout(about) ? about.entries : [],
    groups: [...names].map(name => groups.get(name)),
    revoked: revocations.flatMap(({ target, from }) =>
      ('principal' in target ? names.has(target.principal) : ids.has(target.key)) ? [{ target, from }] : [],
    ),
    lists: [...lists.values()].map(list => ({
      name: list.name,
      roles: list.roles,
      isInScope: isInScope(list, subject.name),
      end: endOfList(list),
    })),
  })
}

/**
 * Certificates of lists are named by their contents; a book that is not taken yet has its own
 * copies.
 */
function plainly(principal: Principal, lists: Policy['lists']): Principal {
  if (listNameOf(principal.name, lists) === undefined) return principal
  const keys = principal.keys.map(key =>
    key.kind === 'openpgp' ? { ...key, certificate: basename(key.certificate) } : key,
  )
  return { ...principal, keys }
}

function aboutOf(policy: Policy): { readonly whole: Policy; readonly groups: Policy['groups'] } {
  return isAbout(policy) ? policy : { whole: policy, groups: policy.groups }
}

/** `its-developers`, with the groups of its entries. */
function developersIn(groups: Policy['groups']) {
  const all = groups.get(ITS_DEVELOPERS)
  return [all, ...(all?.members ?? []).map(name => groups.get(name))]
}

/** Names of principals and groups, with all members. */
function reachedFrom(asked: readonly string[], groups: Policy['groups']): ReadonlySet<string> {
  const found = new Set(asked)
  for (const name of found) for (const member of groups.get(name)?.members ?? []) found.add(member)
  return found
}
