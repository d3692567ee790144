/** Revocations, as far as they are about people of lists. */
import type { Policy, Principal, Revocation } from '../policy.ts'
import type { ListInForce } from './book.ts'
import { listNameOf } from './names.ts'
import { ownershipsOf } from './ownerships.ts'

/**
 * What takes people of lists out, beside the policy's own revocations by name and key: what the
 * policy revokes of the user's own people, for those who share a key with them; and what each list
 * revokes of its own people. Calls `fails` for a list whose book cannot be read.
 */
export function revocationsAbout(
  whole: Policy,
  lists: ReadonlyMap<string, ListInForce>,
  principals: ReadonlyMap<string, Principal>,
  fails: (list: string, error: Error) => void,
): readonly Revocation[] {
  const listed = [...principals.values()].filter(({ name }) => listNameOf(name, lists) !== undefined)
  const own = whole.revocations.map(revocation => ({
    revocation,
    takes: revokedIn(whole, revocation.target),
  }))
  return listed.flatMap(principal => {
    const list = lists.get(listNameOf(principal.name, lists) ?? '')
    return [...ownAbout(own, principal), ...(list === undefined ? [] : listAbout(list, principal, fails))]
  })
}

/** By the user, of a key or a person of their own who shares a key with this principal. */
function ownAbout(
  own: readonly { readonly revocation: Revocation; readonly takes: readonly string[] }[],
  { name, keys }: Principal,
): readonly Revocation[] {
  const has = new Set(keys.flatMap(ownershipsOf))
  return own
    .filter(({ takes }) => takes.some(ownership => has.has(ownership)))
    .map(({ revocation }) => ({ ...revocation, target: { principal: name } }))
}

/** The raw keys that a revocation takes out, as far as the user lists them. */
function revokedIn({ principals }: Policy, target: Revocation['target']): readonly string[] {
  if ('principal' in target) return principals.get(target.principal)?.keys.flatMap(ownershipsOf) ?? []
  const listed = [...principals.values()].flatMap(({ keys }) =>
    keys.filter(({ identity }) => identity === target.key),
  )
  return [target.key, ...listed.flatMap(ownershipsOf)]
}

function listAbout(
  { name: list, line, book }: ListInForce,
  principal: Principal,
  fails: (list: string, error: Error) => void,
): readonly Revocation[] {
  if ('problem' in book) return []
  const { name, keys } = principal
  try {
    return book.revocationsOf(principal).flatMap(({ target, from, reason }): readonly Revocation[] => {
      const more = { line, from, ...(reason === undefined ? {} : { reason }) }
      if ('principal' in target)
        return target.principal === name ? [{ ...more, target: { principal: name } }] : []
      const isIts = keys.some(({ identity }) => identity === target.key)
      return isIts ? [{ ...more, target: { key: target.key, of: name } }] : []
    })
  } catch (error) {
    fails(list, error as Error)
    return []
  }
}
