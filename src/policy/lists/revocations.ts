/** Revocations, as far as they are about people of lists. */
import type { Policy, Principal, Revocation } from '../policy.ts'
import type { ListInForce } from './book.ts'
import { listNameOf } from './names.ts'
import { ownershipsOf } from './ownerships.ts'

/**
 * What takes people of lists out, beside the policy's own revocations by name and key: what the
 * policy revokes of the user's own people, for those who share a key with them; and what each list
 * revokes of its own people.
 */
export function revocationsAbout(
  whole: Policy,
  lists: ReadonlyMap<string, ListInForce>,
  principals: ReadonlyMap<string, Principal>,
): readonly Revocation[] {
  const listed = [...principals.values()].filter(({ name }) => listNameOf(name, lists) !== undefined)
  return listed.flatMap(principal => {
    const list = lists.get(listNameOf(principal.name, lists) ?? '')
    return [...ownAbout(whole, principal), ...(list === undefined ? [] : listAbout(list, principal))]
  })
}

/** By the user, of a key or a person of their own who shares a key with this principal. */
function ownAbout(whole: Policy, { name, keys }: Principal): readonly Revocation[] {
  const has = new Set(keys.flatMap(ownershipsOf))
  return whole.revocations
    .filter(({ target }) => revokedIn(whole, target).some(ownership => has.has(ownership)))
    .map(revocation => ({ ...revocation, target: { principal: name } }))
}

/** The raw keys that a revocation takes out, as far as the user lists them. */
function revokedIn({ principals }: Policy, target: Revocation['target']): readonly string[] {
  if ('principal' in target) return principals.get(target.principal)?.keys.flatMap(ownershipsOf) ?? []
  const listed = [...principals.values()].flatMap(({ keys }) =>
    keys.filter(({ identity }) => identity === target.key),
  )
  return [target.key, ...listed.flatMap(ownershipsOf)]
}

function listAbout({ line, book }: ListInForce, { name, keys }: Principal): readonly Revocation[] {
  if ('problem' in book) return []
  const revocations: Revocation[] = []
  for (const { target, from, reason } of book.revocations) {
    const more = { line, from, ...(reason === undefined ? {} : { reason }) }
    if ('principal' in target) {
      if (target.principal === name) revocations.push({ ...more, target: { principal: name } })
    } else if (keys.some(({ identity }) => identity === target.key)) {
      revocations.push({ ...more, target: { key: target.key, of: name } })
    }
  }
  return revocations
}
