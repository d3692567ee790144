/** Changes to keepers and documents, as values: each throws FormatError if it makes no sense. */

import type { ListDocument, ListedKey } from '../../formats/lists/listed.ts'
import { TEAM_ROLE } from '../../formats/lists/names.ts'
import { TOP_ROLES } from '../../formats/lists/tuf-signed.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type Keeper, type Keepers, type KeptRole, USUAL_DAYS } from './keepers.ts'

/** A list whose keepers sign everything; one of them suffices for snapshot and timestamp. */
export function firstKeepers(people: readonly Keeper[], threshold: number): Keepers {
  const keepers = people.map(({ name }) => name)
  const role = (threshold: number): KeptRole => ({ keepers, threshold })
  return {
    keepers: new Map(people.map(keeper => [keeper.name, keeper])),
    roles: new Map([
      ['root', role(threshold)],
      ['targets', role(threshold)],
      ['snapshot', role(1)],
      ['timestamp', role(1)],
    ]),
    days: USUAL_DAYS,
  }
}

/** How the keepers of a role change. */
export interface Rotation {
  readonly add: readonly Keeper[]
  /** Names. */
  readonly remove: readonly string[]
  readonly threshold: number | undefined
}

/** Changes who signs for a role, or makes a team's. Keepers without a role are forgotten. */
export function rotate(kept: Keepers, role: string, { add, remove, threshold }: Rotation): Keepers {
  const before = kept.roles.get(role)
  if (before === undefined && !TEAM_ROLE.test(role))
    throw problem(`"${printable(role)}" is not a role of the list`)
  const keepers = new Map(kept.keepers)
  for (const keeper of add) keepers.set(keeper.name, keeper)
  for (const name of remove) {
    if (before?.keepers.includes(name) !== true) throw problem(`${printable(name)} does not sign for ${role}`)
  }
  const stay = (before?.keepers ?? []).filter(name => !remove.includes(name))
  const names = [...new Set([...stay, ...add.map(({ name }) => name)])]
  const roles = new Map(kept.roles)
  roles.set(role, { keepers: names, threshold: threshold ?? before?.threshold ?? names.length })
  return { ...kept, roles, keepers: withRoles(keepers, roles) }
}

/** Forgets a role of a team. */
export function withoutRole(kept: Keepers, role: string): Keepers {
  const roles = new Map(
    [...kept.roles].filter(([name]) => name !== role || TOP_ROLES.some(top => top === name)),
  )
  return { ...kept, roles, keepers: withRoles(kept.keepers, roles) }
}

function withRoles(keepers: Keepers['keepers'], roles: Keepers['roles']): Keepers['keepers'] {
  const named = new Set([...roles.values()].flatMap(role => role.keepers))
  return new Map([...keepers].filter(([name]) => named.has(name)))
}

/** Adds keys to a principal, or a principal. */
export function addPrincipal(
  document: ListDocument,
  name: string,
  { keys, about }: { readonly keys: readonly ListedKey[]; readonly about: string | undefined },
): ListDocument {
  const before = document.principals.get(name)
  const said = about ?? before?.about
  const principal = { keys: [...(before?.keys ?? []), ...keys], ...(said !== undefined && { about: said }) }
  return { ...document, principals: new Map(document.principals).set(name, principal) }
}

/** The maps of a document that have names. */
export type Named = 'principals' | 'groups' | 'developers' | 'teams'

/** Puts an entry into a document, in place of the one that had the name. */
export function setEntry<Field extends Named>(
  document: ListDocument,
  field: Field,
  name: string,
  entry: ListDocument[Field] extends ReadonlyMap<string, infer Entry> ? Entry : never,
): ListDocument {
  return { ...document, [field]: new Map<string, unknown>(document[field]).set(name, entry) }
}

/** Takes an entry out. */
export function removeEntry(document: ListDocument, field: Named, name: string): ListDocument {
  if (!document[field].has(name)) throw problem(`"${printable(name)}" is not among the ${field}`)
  const entries: readonly (readonly [string, unknown])[] = [...document[field]]
  return { ...document, [field]: new Map(entries.filter(([key]) => key !== name)) }
}

function problem(what: string): FormatError {
  return new FormatError('list', what, 'nothing was changed')
}
