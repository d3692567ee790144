/** `[lists.NAME]`: the trusted lists that a policy subscribes to, and what they may speak for. */
import { isAbsolute } from 'node:path'
import { LIST_NAME } from '../../formats/lists/names.ts'
import { printable } from '../../primitives/printable.ts'
import type { Book, ListInForce } from '../lists/book.ts'
import type { Role } from '../policy.ts'
import {
  booleanOf,
  complain,
  entriesOf,
  fieldsOf,
  lineOf,
  listOf,
  type Node,
  plainStringOf,
  wordOf,
} from './fields.ts'
import { readUrl } from './url.ts'

/** Every list takes part in each choice of lists to go by (demands.ts), so there are few. */
const LIST_LIMIT = 8
const GLOB_COUNT = 64
const GLOB_LIMIT = 1024
const GRACE_LIMIT = 365
const DAY = 24 * 3600

export const ALL_ROLES: readonly Role[] = [
  'developer',
  'packager',
  'reviewer',
  'builder',
  'committer',
  'approver',
]

/** What a policy may want done with updates. */
export const UPDATE_MODES = ['auto', 'ask', 'pinned'] as const

/** Names that would read as something else than a list. */
export const RESERVED_LISTS: readonly string[] = ['self', 'nothing', 'refuse', 'approved', 'its-developers']

/**
 * Looks up the book of a list, the last state that an update wrote; or says why it is absent, as
 * text of any kind. Never throws.
 */
export type BookReader = (name: string) => Book | { readonly problem: string }

/** Without a reader no list has a book. */
export const NO_BOOKS: BookReader = () => ({ problem: 'no list was ever updated here' })

/** Reads `[lists]`. Each book is looked up once. */
export function readLists(node: Node | undefined, book: BookReader): ReadonlyMap<string, ListInForce> {
  const lists = new Map<string, ListInForce>()
  const entries = (node && entriesOf(node)) ?? []
  if (node !== undefined && entries.length > LIST_LIMIT) complain(node, `more than ${LIST_LIMIT} lists`)
  for (const [name, entry] of entries.slice(0, LIST_LIMIT)) {
    const list = readList(name, entry, book)
    if (list !== undefined) lists.set(name, list)
  }
  return lists
}

function readList(name: string, node: Node, book: BookReader): ListInForce | undefined {
  const isNamed = LIST_NAME.test(name)
  if (!isNamed)
    complain(
      node,
      `"${printable(name)}" cannot be a list's name: 1 to 32 lower-case letters, digits and hyphens`,
    )
  if (RESERVED_LISTS.includes(name)) complain(node, `the name "${name}" is reserved`)
  const fields = fieldsOf(
    node,
    ['url', 'roles'],
    ['names', 'updates', 'revocations', 'grace', 'corroborated'],
  )
  const updates = {
    url: readAddress(fields?.url),
    mode: wordOf(fields?.updates, UPDATE_MODES) ?? 'ask',
    revocations: wordOf(fields?.revocations, ['at-once', 'with-updates']) ?? 'at-once',
  } as const
  const names = fields?.names && readGlobs(fields.names)
  const scope = {
    roles: readRoles(fields?.roles),
    names: names ?? ['*'],
    grace: graceOf(fields?.grace) * DAY,
    corroborated: booleanOf(fields?.corroborated) ?? false,
  }
  return isNamed ? { name, line: lineOf(node), ...scope, updates, book: book(name) } : undefined
}

/** Where updates come from; empty if it is not an address. */
function readAddress(node: Node | undefined): string {
  if (node === undefined) return ''
  if (typeof node.value === 'string' && isAbsolute(node.value)) {
    if (/\/\/|\/\.{0,2}(?:\/|$)|[^ -~]/.test(node.value))
      complain(node, 'must be an absolute path without "." and "..", or an address')
    return node.value
  }
  return readUrl(node, ['https', 'http']) ?? ''
}

function readRoles(node: Node | undefined): readonly Role[] {
  const roles = new Set<Role>()
  for (const item of listOf(node, ALL_ROLES.length)) {
    const role = wordOf(item, ALL_ROLES)
    if (role === undefined) continue
    if (roles.has(role)) complain(item, 'is listed twice')
    roles.add(role)
  }
  if (Array.isArray(node?.value) && node.value.length === 0)
    complain(node, 'a list without a role speaks for nothing: name one, such as "developer"')
  return [...roles]
}

/** Globs for names of store paths and, for expressions, for canonical URLs. At least one. */
function readGlobs(node: Node): readonly string[] | undefined {
  const globs = listOf(node, GLOB_COUNT).map(item => {
    const glob = plainStringOf(item, GLOB_LIMIT)
    return glob === undefined || /^[!-~]+$/.test(glob) ? glob : complain(item, 'must be a glob in ASCII')
  })
  if (Array.isArray(node.value) && globs.length === 0) return complain(node, 'must have at least one glob')
  return globs.filter(glob => glob !== undefined)
}

function graceOf(node: Node | undefined): number {
  if (node === undefined) return 0
  const { value } = node
  if (typeof value === 'bigint' && value >= 0n && value <= BigInt(GRACE_LIMIT)) return Number(value)
  complain(node, `must be a number of days from 0 to ${GRACE_LIMIT}`)
  return 0
}
