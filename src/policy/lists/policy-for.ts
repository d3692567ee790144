/**
 * The policy as it is about one subject: with the people of lists that its rule asks for, and no
 * others. docs/semantics.md, S19 to S22.
 */
import { requirementFor, ruleFor } from '../match.ts'
import {
  ASPECT,
  type Aspect,
  type Group,
  ITS_DEVELOPERS,
  type Policy,
  type Principal,
  ROLES,
  type Rule,
  type SubjectKind,
} from '../policy.ts'
import { peopleOf } from '../seats.ts'
import type { Book, DevelopersEntry, ListInForce } from './book.ts'
import { entriesFor } from './entries.ts'
import { bringPeople, type People } from './listed-people.ts'
import { listNameOf } from './names.ts'
import { revocationsAbout } from './revocations.ts'
import { isInScope } from './scope.ts'

/** What a policy has to know about a subject. */
export interface About {
  /** As in Subject. */
  readonly name: string
  readonly kind: SubjectKind
  /** As in Subject: the addresses of a source; or as in NamedSource. */
  readonly urls?: readonly string[] | 'any'
}

/** A policy about one subject. */
export interface PolicyAbout extends Policy {
  /** The policy that it was made of. */
  readonly whole: Policy
  /** Identifies the subject among those of `whole`. */
  readonly about: string
  /** The lists that were asked for the developers of the source. */
  readonly asked: readonly string[]
  /** The entries that match the source, if its developers were asked for. */
  readonly entries: readonly DevelopersEntry[]
}

/** What is kept for one policy: about so many bytes. */
const KEPT = 32 * 1024 * 1024
const BYTES_OF_NAME = 128
const BYTES_OF_KEY = 2048

interface Kept {
  readonly policies: Map<string, Policy>
  bytes: number
}

const known = new WeakMap<Policy, Kept>()

/**
 * The policy about a subject. Its principals and groups are the user's own and those of lists that
 * the deciding rule names, or that developers entries name for the source. A policy without lists
 * and developers is returned as it is. Never throws: a book that cannot be read is a list without
 * one. Takes a policy about another subject as well.
 */
export function policyFor(policy: Policy, about: About): Policy {
  const whole = wholeOf(policy)
  if (whole.lists.size === 0 && whole.developers.length === 0) return whole
  const id = JSON.stringify([about.kind, about.name, about.urls ?? []])
  const kept: Kept = known.get(whole) ?? { policies: new Map<string, Policy>(), bytes: 0 }
  known.set(whole, kept)
  const before = kept.policies.get(id)
  if (before !== undefined) return before
  const made = policyAbout(whole, about, id)
  const bytes = 2 * id.length + bytesOf(made, whole)
  if (kept.bytes + bytes > KEPT) {
    kept.policies.clear()
    kept.bytes = 0
  }
  kept.policies.set(id, made)
  kept.bytes += bytes
  return made
}

/** Roughly what a policy about a subject takes beside the whole one. */
function bytesOf({ principals, groups, revocations }: Policy, whole: Policy): number {
  const listed = [...principals.values()].filter(({ name }) => !whole.principals.has(name))
  const keys = listed.reduce((sum, one) => sum + one.keys.length, 0)
  const members = [...groups.values()].filter(group => whole.groups.get(group.name) !== group)
  const names = members.reduce((sum, group) => sum + group.members.length, principals.size + groups.size)
  return BYTES_OF_KEY * (keys + 1) + BYTES_OF_NAME * (names + revocations.length)
}

/** The policy itself, of one that may be about a subject. */
export function wholeOf(policy: Policy): Policy {
  return isAbout(policy) ? policy.whole : policy
}

/** Whether a policy is about one subject. */
export function isAbout(policy: Policy): policy is PolicyAbout {
  return 'whole' in policy
}

/**
 * Whether the developers of a subject are asked for by its name and its addresses, so that nothing
 * can be said of it without these.
 */
export function asksItsDevelopers(policy: Policy, about: Pick<About, 'name' | 'kind'>): boolean {
  if (policy.lists.size === 0 && policy.developers.length === 0) return false
  return demandedBy(ruleFor(policy, about), about.kind).includes(ITS_DEVELOPERS)
}

/** Whom entries name for the source that a policy is about: principals and groups, each once. */
export function namedDevelopers({ groups }: Policy): readonly string[] {
  const named = groups.get(ITS_DEVELOPERS)?.members ?? []
  const people = named.flatMap(name => (name.startsWith(PART) ? (groups.get(name)?.members ?? []) : name))
  return [...new Set(people)]
}

function policyAbout(whole: Policy, about: About, id: string): Policy {
  const demanded = demandedBy(ruleFor(whole, about), about.kind)
  const isForDevelopers = demanded.includes(ITS_DEVELOPERS)
  const isOfLists = demanded.some(who =>
    [...peopleOf(whole.groups, who)].some(one => listNameOf(one, whole.lists) !== undefined),
  )
  if (!isForDevelopers && !isOfLists) return whole
  const lists = new Map(whole.lists)
  const fails = (name: string, { message }: Error) => {
    const list = lists.get(name)
    if (list !== undefined) lists.set(name, { ...list, book: { problem: message } })
  }
  const { entries, asked } = isForDevelopers ? developersFor(whole, about, fails) : NO_ENTRIES
  const groups = new Map(whole.groups)
  if (isForDevelopers) for (const group of groupsOf(entries)) groups.set(group.name, group)

  const speaking = [...lists.values()].filter(
    list => isInScope(list, about.name) && isHeard(list, about.kind),
  )
  const principals = new Map(whole.principals)
  const people: People = { principals, groups }
  const wanted = new Set(demanded.flatMap(who => [...peopleOf(groups, who)]))
  for (const { name, book } of speaking) {
    if ('problem' in book) continue
    const own = [...wanted].filter(who => who.startsWith(`${name}/`))
    bringListed({ name, book }, own, { people, whole, fails })
  }
  const revocations = [...whole.revocations, ...revocationsAbout(whole, lists, principals, fails)]
  return { ...whole, lists, principals, groups, revocations, whole, about: id, asked, entries } as PolicyAbout
}

const NO_ENTRIES = { entries: [], asked: [] } as const

function developersFor(
  whole: Policy,
  { name, urls = [] }: About,
  fails: (list: string, error: Error) => void,
) {
  const lists = [...whole.lists.values()].filter(
    list => list.roles.includes('developer') && isInScope(list, name),
  )
  return entriesFor(whole.developers, lists, { name, urls }, fails)
}

function bringListed(
  { name, book }: { readonly name: string; readonly book: Book },
  wanted: readonly string[],
  means: {
    readonly people: People
    readonly whole: Policy
    readonly fails: (list: string, error: Error) => void
  },
): void {
  const { people, whole, fails } = means
  // All of a list or nothing of it.
  const found: People = { principals: new Map<string, Principal>(), groups: new Map<string, Group>() }
  try {
    bringPeople({ name, book }, wanted, { found, before: people, whole })
  } catch (error) {
    fails(name, error as Error)
    return
  }
  for (const [who, principal] of found.principals) people.principals.set(who, principal)
  for (const [who, group] of found.groups) people.groups.set(who, group)
}

function demandedBy(rule: Rule, kind: SubjectKind): readonly string[] {
  const requirement = requirementFor(rule, kind)
  return requirement.kind === 'all' ? requirement.demands.map(({ who }) => who) : []
}

/** Whether anything that a list says can count for subjects of this kind. */
export function isHeard({ roles }: Pick<ListInForce, 'roles'>, kind: SubjectKind): boolean {
  const aspect: Aspect = ASPECT[kind]
  return ROLES[aspect].some(role => roles.includes(role))
}

/** Begins names that no policy and no list can have: those of entries, where several match. */
const PART = '\0'

/** `its-developers` as a group: the one entry, or any of several. */
function groupsOf(entries: readonly DevelopersEntry[]): readonly Group[] {
  const [first, ...more] = entries
  if (first === undefined) return [{ name: ITS_DEVELOPERS, members: [], threshold: 1 }]
  const groupOf = ({ by, threshold }: DevelopersEntry, name: string) => ({
    name,
    members: [...new Set(by)],
    threshold,
  })
  if (more.length === 0) return [groupOf(first, ITS_DEVELOPERS)]
  const parts = entries.map((entry, index) => groupOf(entry, `${PART}${index}`))
  return [{ name: ITS_DEVELOPERS, members: parts.map(({ name }) => name), threshold: 1 }, ...parts]
}
