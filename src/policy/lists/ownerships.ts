/** Who shares raw keys with whom. */
import { ownershipOf } from '../language/keys.ts'
import type { Key, Policy, Principal } from '../policy.ts'
import { listNameOf } from './names.ts'

/** All raw keys that come with a key, in the form of ownershipOf. */
export function ownershipsOf(key: Key): readonly string[] {
  const own = ownershipOf(key)
  return key.kind === 'openpgp' ? [own, ...(key.holds ?? [])] : [own]
}

const owners = new WeakMap<Policy['principals'], ReadonlyMap<string, string>>()

/** The user's principal who has a raw key, by its ownership. */
function ownersIn(principals: Policy['principals']): ReadonlyMap<string, string> {
  const before = owners.get(principals)
  if (before !== undefined) return before
  const found = new Map<string, string>()
  for (const { name, keys } of principals.values()) {
    for (const ownership of keys.flatMap(ownershipsOf)) found.set(ownership, name)
  }
  owners.set(principals, found)
  return found
}

/**
 * Who is the same person as whom, for the user's own people and those of these lists: principals
 * that share a raw key, directly or by way of others. For each name that is not alone the one that
 * stands for all of them: the user's own, if one of them is.
 */
export function personsIn(
  { own, principals, lists }: Pick<Policy, 'principals' | 'lists'> & { readonly own: Policy['principals'] },
  chosen: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const parent = new Map<string, string>()
  const rootOf = (name: string): string => {
    let at = name
    for (let up = parent.get(at); up !== undefined; up = parent.get(at)) at = up
    return at
  }
  const holders = new Map(ownersIn(own))
  for (const principal of listedIn(principals, lists, chosen)) {
    for (const ownership of principal.keys.flatMap(ownershipsOf)) {
      const holder = holders.get(ownership)
      if (holder === undefined) {
        holders.set(ownership, principal.name)
        continue
      }
      const [one, other] = [rootOf(principal.name), rootOf(holder)]
      if (one === other) continue
      if (own.has(one)) parent.set(other, one)
      else parent.set(one, other)
    }
  }
  return new Map([...parent.keys()].map(name => [name, rootOf(name)]))
}

function listedIn(
  principals: Policy['principals'],
  lists: Policy['lists'],
  chosen: ReadonlySet<string>,
): readonly Principal[] {
  return [...principals.values()].filter(({ name }) => {
    const list = listNameOf(name, lists)
    return list !== undefined && chosen.has(list)
  })
}
