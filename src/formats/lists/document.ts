/**
 * `list.json`: what a community says about keys. UTF-8 JSON of the format `nixsig-list-1`, read by
 * the strict reader: unknown and repeated fields are errors, and everything has a limit. Here keys
 * are texts; src/lists/document/keys-of-list.ts makes keys of them, and finds those that two
 * principals share. docs/lists.md describes the fields.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { fields, type JsonNode, malformed, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { readDevelopers } from './developers.ts'
import { entriesOf, globOf, namesOf, plainOf, textsOf, thresholdOf, URL_LIMIT } from './document-fields.ts'
import type { ListDocument, ListedGroup, ListedPrincipal, ListedTeam } from './listed.ts'
import { readPrincipals } from './listed-principals.ts'
import { LIST_NAME, NAME } from './names.ts'
import { readRevocations, readSuccession } from './revocations.ts'

export type * from './listed.ts'

/** What `format` says. */
export const LIST_FORMAT = 'nixsig-list-1'

/** The name of the file, among targets and in a keeper's directory. */
export const LIST_FILE = 'list.json'

/** Limit in bytes. */
export const LIST_LIMIT = 16 * 1024 * 1024

/** Limits on what a list has; those of its entries are in the files that read them. */
export const COUNTS = { groups: 1000, members: 1000, teams: 32, globs: 32 } as const

const RULES_LIMIT = 64 * 1024

/** A whole list, or the part that was delegated to a team. */
export type ListPart = 'list' | 'team'

/** Reads a document. Throws FormatError. */
export function parseList(bytes: Uint8Array, part: ListPart): ListDocument {
  if (bytes.byteLength > LIST_LIMIT)
    throw new FormatError('list', `longer than ${LIST_LIMIT} bytes`, `${bytes.byteLength} bytes`)
  const value = parseStrictJson(decodeUtf8(bytes, 'list'), { length: LIST_LIMIT, depth: 8 })
  const root = rootNode('list', value)
  const parts = fields(root, {
    required: ['format', 'name', 'says', 'principals'],
    optional: ['about', 'groups', 'developers', 'revocations', 'succession', 'rules', 'teams'],
    others: 'refuse',
  })
  if (stringOf(parts.format) !== LIST_FORMAT) throw malformed(parts.format, `must be "${LIST_FORMAT}"`)
  if (part === 'team' && parts.teams !== undefined) throw malformed(parts.teams, 'a team has no teams')
  const principals = readPrincipals(parts.principals)
  const groups = readGroups(parts.groups, principals)
  const says = saysOf(parts.says)
  const document: ListDocument = {
    name: namedOf(parts.name),
    ...(parts.about !== undefined && { about: plainOf(parts.about, 'text') }),
    says,
    principals,
    groups,
    developers: readDevelopers(parts.developers, { principals, groups, says }),
    revocations: readRevocations(parts.revocations),
    succession: readSuccession(parts.succession, principals),
    ...(parts.rules !== undefined && { rules: rulesOf(parts.rules) }),
    teams: readTeams(parts.teams),
  }
  refuseNamesOfTeams(root, document)
  return document
}

function saysOf(node: JsonNode): ListDocument['says'] {
  const text = stringOf(node)
  if (text !== 'extracted' && text !== 'vouched') throw malformed(node, 'must be "extracted" or "vouched"')
  return text
}

function namedOf(node: JsonNode): string {
  const text = stringOf(node)
  if (!LIST_NAME.test(text)) throw malformed(node, 'must be 1 to 32 lower-case letters, digits and hyphens')
  return text
}

function readGroups(
  node: JsonNode | undefined,
  principals: ReadonlyMap<string, ListedPrincipal>,
): ReadonlyMap<string, ListedGroup> {
  const groups = new Map<string, ListedGroup>()
  for (const [name, entry] of entriesOf(node, COUNTS.groups, NAME)) {
    if (principals.has(name)) throw malformed(entry, 'is the name of a principal as well')
    const parts = fields(entry, { required: ['members', 'threshold'], optional: [], others: 'refuse' })
    const members = namesOf(parts.members, COUNTS.members, member =>
      principals.has(member) ? undefined : 'is not a principal of this list',
    )
    groups.set(name, { members, threshold: thresholdOf(parts.threshold, members.length) })
  }
  return groups
}

function rulesOf(node: JsonNode): string {
  const text = stringOf(node)
  if (text.length > RULES_LIMIT) throw malformed(node, `longer than ${RULES_LIMIT} characters`)
  return text
}

function readTeams(node: JsonNode | undefined): ReadonlyMap<string, ListedTeam> {
  const teams = new Map<string, ListedTeam>()
  for (const [name, entry] of entriesOf(node, COUNTS.teams, LIST_NAME)) {
    const parts = fields(entry, { required: ['names'], optional: ['urls'], others: 'refuse' })
    const names = textsOf(parts.names, COUNTS.globs, item => globOf(item))
    if (names.length === 0) throw malformed(parts.names, 'names nothing')
    teams.set(name, { names, urls: textsOf(parts.urls, COUNTS.globs, item => plainOf(item, URL_LIMIT)) })
  }
  return teams
}

/** `gnome.alice` is what subscribers call the team gnome's alice. */
function refuseNamesOfTeams(root: JsonNode, { principals, groups, developers, teams }: ListDocument): void {
  for (const name of [...principals.keys(), ...groups.keys(), ...developers.keys()]) {
    const [team = ''] = name.split('.', 1)
    if (team !== name && teams.has(team))
      throw malformed(root, `the name "${printable(name)}" is one that the team "${team}" could have`)
  }
}
