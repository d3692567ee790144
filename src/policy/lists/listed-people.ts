/**
 * Principals and groups of lists, as far as they are asked for. Nothing that a book says is
 * believed.
 */
import { basename } from 'node:path'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { firstKeysIn } from '../key-standing.ts'
import type { Group, Key, Policy, Principal } from '../policy.ts'
import type { Book } from './book.ts'
import { isThreshold } from './entries.ts'
import { isNameOf } from './names.ts'
import { COST_OF_KEY, costOfGroup, costOfPrincipal, PEOPLE_LIMIT } from './people-cost.ts'

const KEY_LIMIT = 64
const MEMBER_LIMIT = 1000
const NESTING_LIMIT = 8

/** People, by their names. */
export interface People {
  readonly principals: Map<string, Principal>
  readonly groups: Map<string, Group>
}

interface Search {
  /** Receives what is found. */
  readonly found: People
  /** The user's own, and those of lists before this one. */
  readonly before: People
  readonly whole: Policy
}

/**
 * Looks up names of one list in its book, with the members of groups. A group counts only as a
 * whole: without names of others, without itself in it, and with a threshold of at least 1. Throws
 * what the book throws, and FormatError if all of them are more than a judge can look at.
 */
export function bringPeople(
  list: { readonly name: string; readonly book: Book },
  names: readonly string[],
  search: Search,
): void {
  const keys: KnownKeys = {
    own: firstKeysIn(search.whole.principals),
    before: firstKeysIn(search.before.principals),
    machine: search.whole.machineKeys ?? [],
  }
  const depths = new Map<string, number | undefined>()
  let cost = 0
  const pay = (more: number) => {
    cost += more
    if (cost <= PEOPLE_LIMIT) return
    // To leave some out would take a seat from whoever happens to come last.
    const problem = `more than ${PEOPLE_LIMIT} people and keys of the list would count for this, so none of them does: demand fewer of it`
    throw new FormatError('list', problem, `${names.length} names that are asked for`)
  }
  const bring = (who: string): number | undefined => {
    if (depths.has(who)) return depths.get(who)
    // Until it is known, a name that leads back to it is in a circle.
    depths.set(who, undefined)
    if (!isNameOf(list.name, who)) return undefined
    const depth = bringPrincipal(who) ? 0 : bringGroup(who)
    depths.set(who, depth)
    return depth
  }
  const bringPrincipal = (who: string): boolean => {
    const principal = list.book.principal(who)
    if (principal === undefined) return false
    pay(costOfPrincipal(principal.keys.map(() => COST_OF_KEY)))
    const fit = principal.keys.slice(0, KEY_LIMIT).flatMap(key => fitKey(key, keys) ?? [])
    search.found.principals.set(who, { name: who, keys: fit })
    return true
  }
  const bringGroup = (who: string): number | undefined => {
    const group = list.book.group(who)
    if (group === undefined || !isThreshold(group.threshold)) return undefined
    pay(costOfGroup(group.members.length))
    const members = [...new Set(group.members)]
    if (members.length > MEMBER_LIMIT || group.threshold > members.length) return undefined
    let depth = 0
    for (const member of members) {
      const below = bring(member)
      if (below === undefined || below >= NESTING_LIMIT) return undefined
      depth = Math.max(depth, below + 1)
    }
    search.found.groups.set(who, { name: who, members, threshold: group.threshold })
    return depth
  }
  for (const name of names) bring(name)
}

/** Keys by their identity: the user's own, and with them those of lists before this one. */
interface KnownKeys {
  readonly own: ReadonlyMap<string, Key>
  readonly before: Map<string, Key>
  readonly machine: readonly string[]
}

/**
 * A key of a list as it counts. A key that somebody else has too is the same key for both: it
 * signs in the form, and with the certificate, that the user's own entry has for it. If two lists
 * differ about that, the one that the policy names first has the key. This machine's own keys are
 * nobody's.
 */
function fitKey(key: Key, { own, before, machine }: KnownKeys): Key | undefined {
  if (machine.includes(key.identity)) return undefined
  if (key.kind === 'openpgp' && key.holds === undefined) return undefined
  const first = before.get(key.identity)
  if (first === undefined) {
    before.set(key.identity, key)
    return key
  }
  const isOwn = own.has(key.identity)
  if (!isOwn && !isSameCopy(first, key)) return undefined
  // A certificate only adds to its principal: its end, and whoever signed it, bind no list (K10).
  const isCertified = first.grants !== undefined
  const same = withoutPowers(first)
  const dates = isOwn && !isCertified ? [first, key] : [key]
  const from = dates.flatMap(({ validFrom }) => validFrom ?? [])
  const until = dates.flatMap(({ validUntil }) => validUntil ?? [])
  return {
    ...same,
    ...(from.length > 0 && { validFrom: Math.max(...from) }),
    ...(until.length > 0 && { validUntil: Math.min(...until) }),
  }
}

/** A key as it verifies: without dates, and without what certificates by it or about it say. */
function withoutPowers(key: Key): Key {
  const { validFrom: _, validUntil: __, grants: ___, certifiedBy: ____, ...rest } = key
  const { certifies: _____, rotates: ______, ...same } = rest
  return same
}

/** Whether two entries for one key verify the same: certificates are named by what they hold. */
function isSameCopy(one: Key, other: Key): boolean {
  return spellingOf(one) === spellingOf(other)
}

function spellingOf(key: Key): string {
  if (key.kind === 'openpgp') return basename(key.certificate)
  if (key.kind === 'sigstore') return key.trustedRoot
  return textSpelling(key)
}

/**
 * In what form a key that is written as text signs, and for what: the same for two that verify the
 * same.
 */
export function textSpelling(key: Exclude<Key, { kind: 'openpgp' | 'sigstore' }>): string {
  const { form, namespaces, application } = key
  const own = key.kind === 'ed25519' ? [key.keyNumber && toHex(key.keyNumber), key.name] : []
  return JSON.stringify([form, namespaces, application, ...own])
}
