/** The people of a state of a list by the names that its subscriber uses. */
import type { ListDocument, ListedDevelopers } from '../../formats/lists/listed.ts'
import { calledBy } from '../../formats/lists/names.ts'
import { listedIdentity } from '../document/identity.ts'
import type { Contents } from './contents.ts'

/** An entry, with whom it means. */
export interface Entry extends Pick<ListedDevelopers, 'names' | 'urls' | 'threshold' | 'standing'> {
  /** With its prefix: `debian/libmd`. */
  readonly name: string
  /** Principals and groups, with their prefix. */
  readonly by: readonly string[]
  /** The identities of all keys of all of them. */
  readonly keys: ReadonlySet<string>
  /** How many people have to sign at least: the thresholds of groups count. */
  readonly needed: number
}

/** All entries, by name. A team's only match where its own globs do, which is not looked at here. */
export function entriesOf(list: string, contents: Contents | undefined): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const { document, team } of contents?.parts ?? []) {
    const called = calledBy(list, team)
    for (const [own, { names, urls, by, threshold, standing }] of document.developers)
      entries.set(called(own), {
        name: called(own),
        names,
        urls,
        threshold,
        ...(standing && { standing }),
        by: by.map(called),
        keys: new Set(by.flatMap(who => keysOf(document, who))),
        needed: neededBy(document, by, threshold),
      })
  }
  return entries
}

function keysOf({ principals, groups }: ListDocument, who: string): readonly string[] {
  const members = groups.get(who)?.members ?? [who]
  return members.flatMap(member => (principals.get(member)?.keys ?? []).map(listedIdentity))
}

function neededBy({ groups }: ListDocument, by: readonly string[], threshold: number): number {
  const each = by.map(who => groups.get(who)?.threshold ?? 1).sort((a, b) => a - b)
  return each.slice(0, threshold).reduce((sum, one) => sum + one, 0)
}
