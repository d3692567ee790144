/** Books in memory, and policies with lists. */
import { ownershipOf, parseKey } from '../../../src/policy/language/keys.ts'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import type { Book, DevelopersEntry, ListRevocation } from '../../../src/policy/lists/book.ts'
import { matchesEntry } from '../../../src/policy/lists/entries.ts'
import type { Group, Instant, Key, Policy } from '../../../src/policy/policy.ts'
import { NOW, nixKeyOf, sourceOf } from '../policies.ts'

export const DAY = 24 * 3600

/** What a book of these tests says. Keys are the names of keys, as in `KEY(alice-1)`. */
export interface Said {
  readonly principals?: Readonly<Record<string, readonly (string | Key)[]>>
  readonly groups?: Readonly<Record<string, Omit<Group, 'name'>>>
  readonly developers?: readonly DevelopersEntry[]
  readonly revocations?: readonly ListRevocation[]
  readonly ends?: Instant
  readonly digest?: string
}

export function bookOf(said: Said): Book {
  const principals = new Map(Object.entries(said.principals ?? {}))
  const groups = new Map(Object.entries(said.groups ?? {}))
  return {
    digest: said.digest ?? 'ab'.repeat(32),
    version: 1,
    ends: said.ends ?? NOW + DAY,
    seen: NOW - DAY,
    says: 'vouched',
    revocations: said.revocations ?? [],
    revocationsOf: ({ name, keys }) =>
      (said.revocations ?? []).filter(({ target }) =>
        'principal' in target
          ? target.principal === name
          : keys.some(({ identity }) => identity === target.key),
      ),
    principal: name => {
      const keys = principals.get(name)
      return keys && { name, keys: keys.map(key => (typeof key === 'string' ? keyOf(key) : key)) }
    },
    group: name => {
      const group = groups.get(name)
      return group && { name, ...group }
    },
    holdersOf: identity =>
      [...principals].flatMap(([name, keys]) =>
        keys.some(key => (typeof key === 'string' ? keyOf(key) : key).identity === identity) ? [name] : [],
      ),
    developersOf: source => (said.developers ?? []).filter(entry => matchesEntry(entry, source)),
  }
}

export function keyOf(name: string): Key {
  return parseKey(nixKeyOf(name))
}

/** A key in an OpenPGP certificate, of which the book says that it holds these keys. */
export function certifiedKeyOf(name: string, holds: readonly string[]): Key {
  const fingerprint = Buffer.from(name.padEnd(20).slice(0, 20)).toString('hex').toUpperCase()
  return {
    kind: 'openpgp',
    identity: `openpgp:${fingerprint}`,
    label: fingerprint,
    fingerprint,
    certificate: `/lists/${name}.pgp`,
    holds: holds.map(one => ownershipOf(keyOf(one))),
  }
}

export function policyWith(toml: string, books: Readonly<Record<string, Book>>): Policy {
  const known = new Map(Object.entries(books))
  return parsePolicy({ ...sourceOf(toml), book: name => known.get(name) ?? { problem: 'never updated' } })
}

export function entry(
  name: string,
  by: readonly string[],
  more: Partial<DevelopersEntry> = {},
): DevelopersEntry {
  return { name, names: ['*'], urls: [], by, threshold: 1, ...more }
}
