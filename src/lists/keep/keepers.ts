/**
 * `keepers.json`: who signs what, as the keepers want it to be. It becomes root metadata and
 * delegations when enough of them have signed those.
 */

import { jsonObject } from '../../formats/json/print.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  namedNodes,
  objectOf,
  positiveOf,
  rootNode,
  stringOf,
} from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import { indented } from '../../formats/lists/indented.ts'
import { keyTextOf } from '../../formats/lists/listed-principals.ts'
import { LIST_NAME, NAME, roleOfTeam, TEAM_ROLE } from '../../formats/lists/names.ts'
import { tufKeyId } from '../../formats/lists/tuf-keys.ts'
import { TOP_ROLES, type TopRole } from '../../formats/lists/tuf-signed.ts'
import { parseKey } from '../../policy/language/keys.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { needWithin, writeWithin } from './directory.ts'

export const KEEPERS_FILE = 'keepers.json'
const FORMAT = 'nixsig-keepers-1'
const LIMIT = 256 * 1024
const KEEPER_LIMIT = 200
const ROLE_KEEPER_LIMIT = 64
const DAYS_LIMIT = 3660

/** Somebody who signs. */
export interface Keeper {
  readonly name: string
  /** The public key as it was given. */
  readonly text: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  /** Its key id in TUF metadata. */
  readonly id: string
}

/** Who signs for a role. */
export interface KeptRole {
  /** Names of keepers, each once. */
  readonly keepers: readonly string[]
  readonly threshold: number
}

/** Who signs what. */
export interface Keepers {
  readonly keepers: ReadonlyMap<string, Keeper>
  /** By `root`, `targets`, `snapshot`, `timestamp`, all of them there, and `team-NAME`. */
  readonly roles: ReadonlyMap<string, KeptRole>
  /** For how many days what is signed counts. */
  readonly days: Readonly<Record<TopRole, number>>
}

/** What is taken unless somebody says otherwise. */
export const USUAL_DAYS: Keepers['days'] = { root: 730, targets: 365, snapshot: 60, timestamp: 60 }

/**
 * The keeper of this name with this key. Throws FormatError unless it is an Ed25519 key that signs
 * plain bytes.
 */
export function keeperOf(name: string, text: string): Keeper {
  if (!NAME.test(name)) throw new FormatError('keepers', `"${printable(name)}" cannot be a name`, 'keepers')
  const key = parseKey(text)
  if (key.kind !== 'ed25519' || key.application !== undefined)
    throw new FormatError(
      'keepers',
      'keepers of lists sign with Ed25519 keys, and not with security keys',
      name,
    )
  return { name, text, publicKey: key.publicKey, id: tufKeyId(key.publicKey) }
}

/** Reads it. Throws FileError and FormatError. */
export function readKeepers(directory: string): Keepers {
  return parseKeepers(needWithin(directory, KEEPERS_FILE, LIMIT))
}

/** Writes it, after a check that it can be read. Throws FileError and FormatError. */
export function writeKeepers(directory: string, kept: Keepers): void {
  writeWithin(directory, KEEPERS_FILE, printKeepers(checkedKeepers(kept)))
}

/** The same. Throws FormatError if they could not be read again, as with too few for a role. */
export function checkedKeepers(kept: Keepers): Keepers {
  parseKeepers(printKeepers(kept))
  return kept
}

/** Reads it from bytes. Throws FormatError. */
function parseKeepers(bytes: Uint8Array): Keepers {
  const value = parseStrictJson(decodeUtf8(bytes, 'keepers'), { length: LIMIT, depth: 5 })
  const parts = fields(rootNode('keepers', value), {
    required: ['format', 'keepers', 'roles', 'days'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(parts.format) !== FORMAT) throw malformed(parts.format, `must be "${FORMAT}"`)
  const keepers = readPeople(parts.keepers)
  return { keepers, roles: readRoles(parts.roles, keepers), days: readDays(parts.days) }
}

/** Prints it as parseKeepers reads it. */
function printKeepers({ keepers, roles, days }: Keepers): Uint8Array {
  const json = jsonObject([
    ['format', FORMAT],
    ['keepers', jsonObject([...keepers.values()].map(({ name, text }) => [name, text]))],
    [
      'roles',
      jsonObject(
        [...roles].map(([role, { keepers, threshold }]) => [
          role,
          jsonObject([
            ['keepers', keepers],
            ['threshold', threshold],
          ]),
        ]),
      ),
    ],
    ['days', jsonObject(TOP_ROLES.map(role => [role, days[role]]))],
  ])
  return Buffer.from(`${indented(json)}\n`, 'utf8')
}

function readPeople(node: JsonNode): ReadonlyMap<string, Keeper> {
  const keepers = new Map<string, Keeper>()
  const owners = new Map<string, string>()
  for (const [name, item] of namedNodes(node, KEEPER_LIMIT, 'keepers')) {
    const keeper = keeperOf(name, keyTextOf(item))
    const owner = owners.get(keeper.id)
    if (owner !== undefined) throw malformed(item, `has the same key as ${owner}: a key is one person's`)
    owners.set(keeper.id, name)
    keepers.set(name, keeper)
  }
  return keepers
}

function readRoles(node: JsonNode, known: ReadonlyMap<string, Keeper>): ReadonlyMap<string, KeptRole> {
  const roles = new Map<string, KeptRole>()
  for (const [name, value] of objectOf(node)) {
    const item = { format: node.format, where: `${node.where}.${printable(name, 100)}`, value }
    if (!isRole(name)) throw malformed(item, 'is not a role')
    const parts = fields(item, { required: ['keepers', 'threshold'], optional: [], others: 'refuse' })
    const keepers = listOf(parts.keepers, ROLE_KEEPER_LIMIT).map(each => {
      const keeper = stringOf(each)
      if (!known.has(keeper)) throw malformed(each, `"${printable(keeper, 100)}" is not a keeper`)
      return keeper
    })
    if (new Set(keepers).size < keepers.length) throw malformed(parts.keepers, 'names somebody twice')
    const threshold = positiveOf(parts.threshold)
    if (threshold > keepers.length)
      throw malformed(parts.threshold, `${threshold} signatures are needed of ${keepers.length} keepers`)
    roles.set(name, { keepers, threshold })
  }
  for (const name of TOP_ROLES) if (!roles.has(name)) throw malformed(node, `"${name}" is missing`)
  return roles
}

/** Whether this is the name of a role: one of the top roles, or `team-NAME`. */
export function isRole(name: string): boolean {
  return TOP_ROLES.some(role => role === name) || TEAM_ROLE.test(name)
}

function readDays(node: JsonNode): Keepers['days'] {
  const parts = fields(node, { required: TOP_ROLES, optional: [], others: 'refuse' })
  const days = (role: TopRole) => {
    const count = positiveOf(parts[role])
    if (count > DAYS_LIMIT) throw malformed(parts[role], `more than ${DAYS_LIMIT} days`)
    return count
  }
  return {
    root: days('root'),
    targets: days('targets'),
    snapshot: days('snapshot'),
    timestamp: days('timestamp'),
  }
}

/** The role of a team. Throws FormatError. */
export function teamRole(team: string): string {
  if (!LIST_NAME.test(team))
    throw new FormatError('keepers', `"${printable(team)}" cannot be the name of a team`, 'team')
  return roleOfTeam(team)
}
