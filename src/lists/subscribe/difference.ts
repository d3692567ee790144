/** What an update changes for its subscriber. All texts are raw: whoever shows them escapes them. */
import { emptyList, type ListDocument, type ListedPrincipal } from '../../formats/lists/listed.ts'
import { calledBy } from '../../formats/lists/names.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { BookPart } from '../book/write.ts'
import { listedIdentity } from '../document/identity.ts'
import { type Change, changesOf } from '../keep/changes.ts'
import type { Contents } from './contents.ts'
import { type FoundOthers, otherDevelopers } from './other-developers.ts'
import { entriesOf } from './people.ts'

/** A change with the name that the subscriber uses. */
export interface ListChange extends Change {
  /** `principal`, `group`, `developers`, `team`, `revocation`, `succession`, or a field of the list. */
  readonly part: string
  /** `debian/libmd`; empty where nothing has a name. */
  readonly name: string
}

export interface ListDifference {
  /** Versions of its targets. 0: nothing was accepted before. */
  readonly from: number
  readonly to: number
  readonly developers: FoundOthers
  /** Revocations first. */
  readonly changes: readonly ListChange[]
  /** Teams that count for nothing now, by name, with the reason. */
  readonly lapsed: ReadonlyMap<string, string>
}

/** Compares two states of the list that the user calls `list`. */
export function differenceOf(list: string, before: Contents | undefined, after: Contents): ListDifference {
  const teams = new Set([...(before?.parts ?? []), ...after.parts].map(({ team }) => team))
  const changes = [...teams].flatMap(team => {
    const [was, is] = [before?.parts, after.parts].map(parts => parts?.find(part => part.team === team))
    return changesOfPart(list, team, was, is)
  })
  const isFirst = ({ part }: ListChange) => (part === 'revocation' ? 0 : 1)
  return {
    from: before?.version ?? 0,
    to: after.version,
    developers: otherDevelopers(entriesOf(list, before), entriesOf(list, after)),
    changes: changes.sort((a, b) => isFirst(a) - isFirst(b)),
    lapsed: after.lapsed,
  }
}

function changesOfPart(
  list: string,
  team: string | undefined,
  before: BookPart | undefined,
  after: BookPart | undefined,
): readonly ListChange[] {
  const some = after?.document ?? before?.document
  if (some === undefined) return []
  const empty = emptyList(some.name, some.says)
  const [was, is] = [before?.document ?? empty, after?.document ?? empty].map(withoutSources)
  if (is === undefined) return []
  const called = calledBy(list, team)
  const named = (change: Change): ListChange => {
    const [part = '', name] = change.what.split(' ')
    return { ...change, part, name: name === undefined ? '' : called(name) }
  }
  return [...changesOf(was, is), ...certificateChanges(before, after)].map(named)
}

/** Where an entry was read, and on what it was tried, changes nothing that counts. */
function withoutSources(document: ListDocument): ListDocument {
  const developers = [...document.developers].map(
    ([name, entry]) => [name, { ...entry, provenance: [], tried: [] }] as const,
  )
  return { ...document, developers: new Map(developers) }
}

/** Certificates of people who stay that have other contents, such as other subkeys. */
function certificateChanges(before: BookPart | undefined, after: BookPart | undefined): readonly Change[] {
  if (before === undefined || after === undefined) return []
  return [...after.document.principals].flatMap(([name, principal]) => {
    const old = before.document.principals.get(name)
    if (old === undefined) return []
    const had = digestsOf(old, before)
    return [...digestsOf(principal, after)].flatMap(([identity, digest]): readonly Change[] => {
      const was = had.get(identity)
      if (was === undefined || was === digest) return []
      return [{ kind: 'changed', what: `principal ${name}`, says: `another certificate for ${identity}` }]
    })
  })
}

function digestsOf({ keys }: ListedPrincipal, { certificate }: BookPart): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const key of keys)
    if ('openpgp' in key) found.set(listedIdentity(key), toHex(sha256(certificate(key.certificate).bytes)))
  return found
}
