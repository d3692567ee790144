/**
 * Drops from a policy's text what nothing needs any more, and keeps everything else as it stands.
 */
import { NO_POLICY } from '../ledger/admissions.ts'
import { certifyingKeys } from '../policy/certified.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import { listNameOf } from '../policy/lists/names.ts'
import {
  type Exemption,
  type Instant,
  ITS_DEVELOPERS,
  type Policy,
  type Principal,
} from '../policy/policy.ts'
import { pathWord, when, word } from '../policy/words.ts'
import { blocksOf } from '../setup/init/blocks.ts'
import { policyDifference } from './policy-difference.ts'

/** What is dropped, or could be but is not. `what` and `why` are escaped. */
export interface Pruned {
  readonly part: 'exemptions' | 'principals' | 'groups' | 'lists' | 'developers'
  readonly what: string
  readonly why: string
  /** Line in the policy, from 1; undefined where that is not known. */
  readonly line?: number
}

/** What is known beside the policy. Both are asked for single store paths only. */
export interface PruneFacts {
  readonly now: Instant
  /** Seconds since the end after which something is dropped. */
  readonly since: number
  /** Whether neither the path nor a derivation that makes it is in the store. */
  isGone(path: string): Promise<boolean>
  /** Whether the path is in the store and passes under this policy. */
  passes(policy: Policy, path: string): Promise<boolean>
}

export interface Pruning {
  /** The new text; the same as before where nothing is dropped. */
  readonly toml: string
  readonly dropped: readonly Pruned[]
  /** What could go but cannot be dropped here, with the reason. */
  readonly kept: readonly Pruned[]
}

/** The most exempt paths that are judged. */
const JUDGED_LIMIT = 1000

/**
 * Finds what can go. Revocations always stay, and what they name. Throws PolicyError if the source
 * is no valid policy.
 */
export async function prune(source: PolicySource, facts: PruneFacts): Promise<Pruning> {
  const policy = parsePolicy(source)
  const exempt = await needlessExemptions(policy, facts)
  const groups = needlessGroups(policy)
  const people = needlessPeople(policy, groups, facts)
  const { preamble, blocks } = blocksOf(source.toml)
  let exemption = -1
  const dropped: Pruned[] = []
  const texts = blocks.flatMap(({ path, text }) => {
    const [table = '', name = ''] = path
    if (table === 'exemptions' && path.length === 1) exemption++
    const found =
      table === 'exemptions'
        ? exempt.get(exemption)
        : table === 'principals'
          ? people.get(name)
          : table === 'groups'
            ? groups.get(name)
            : undefined
    if (found === undefined) return [text]
    if (!dropped.includes(found)) dropped.push(found)
    return []
  })
  const toml = tidy([preamble, ...texts].join(''), source.toml)
  const wanted = [...exempt.values(), ...people.values(), ...groups.values()]
  const unused = [...unusedLists(policy), ...unusedDevelopers(policy)]
  const left = wanted.filter(one => !dropped.includes(one)).map(byHand)
  return isOnlyThat(policy, parseOr(source, toml), dropped.length)
    ? { toml, dropped, kept: [...left, ...unused] }
    : { toml: source.toml, dropped: [], kept: [...wanted.map(byHand), ...unused] }
}

function byHand(pruned: Pruned): Pruned {
  return { ...pruned, why: `${pruned.why}; it is not written in a table of its own, so remove it by hand` }
}

/** Whether nothing else than tables was dropped. */
function isOnlyThat(before: Policy, after: Policy | undefined, count: number): boolean {
  if (after === undefined) return false
  const differences = policyDifference(before, after)
  const isRemoval = differences.every(
    ({ part, after: is }) => is === undefined && ['exemptions', 'principals', 'groups'].includes(part),
  )
  const gone =
    before.exemptions.length -
    after.exemptions.length +
    (before.principals.size - after.principals.size) +
    (before.groups.size - after.groups.size)
  return isRemoval && gone === count
}

function parseOr(source: PolicySource, toml: string): Policy | undefined {
  try {
    return parsePolicy({ ...source, toml })
  } catch {
    // What is left does not stand on its own, so nothing is dropped.
    return undefined
  }
}

/** By their place among the exemptions, from 0. */
async function needlessExemptions(policy: Policy, facts: PruneFacts): Promise<ReadonlyMap<number, Pruned>> {
  const found = new Map<number, Pruned>()
  let judged = 0
  for (const [index, exemption] of policy.exemptions.entries()) {
    const why =
      overSince(exemption, facts) ??
      (judged++ < JUDGED_LIMIT ? await needlessPath(policy, exemption, facts) : undefined)
    if (why === undefined) continue
    const { match, line } = exemption
    const what = 'path' in match ? pathWord(match.path) : word(match.name)
    found.set(index, { part: 'exemptions', what, why, line })
  }
  return found
}

function overSince({ until }: Exemption, { now, since }: PruneFacts): string | undefined {
  return until + since <= now ? `it is over since ${when(until)}` : undefined
}

/**
 * By signatures alone: exemptions by name may end sooner than this one. Exemptions of other paths
 * stay, because its inputs may need them; no two paths need each other's.
 */
async function needlessPath(
  policy: Policy,
  { match }: Exemption,
  facts: PruneFacts,
): Promise<string | undefined> {
  if (!('path' in match)) return undefined
  if (await facts.isGone(match.path)) return 'neither the path nor what would make it is in the store'
  const others = policy.exemptions.filter(other => 'path' in other.match && other.match.path !== match.path)
  // Nothing in the ledger was admitted under this one.
  const passes = await facts.passes({ ...policy, digest: NO_POLICY, exemptions: others }, match.path)
  return passes ? 'the path passes without it' : undefined
}

/** Groups that no rule and no other group that stays names. */
function needlessGroups(policy: Policy): ReadonlyMap<string, Pruned> {
  const found = new Map<string, Pruned>()
  for (let again = true; again; ) {
    again = false
    const named = namedIn(policy, found)
    for (const name of policy.groups.keys()) {
      if (named.has(name) || found.has(name)) continue
      found.set(name, { part: 'groups', what: word(name), why: 'nothing asks for it' })
      again = true
    }
  }
  return found
}

/**
 * People whose keys have all ended long ago and whom nothing names. While a key is valid, its
 * holder's word as a builder against others counts, whatever the rules ask for.
 */
function needlessPeople(
  policy: Policy,
  groups: ReadonlyMap<string, Pruned>,
  facts: PruneFacts,
): ReadonlyMap<string, Pruned> {
  // A key that somebody lists cannot be certified by another.
  if (certifyingKeys(policy).length > 0) return new Map()
  // And the dates that the policy gives a key hold for lists that have it as well, now or later.
  if (policy.lists.size > 0) return new Map()
  const named = namedIn(policy, groups)
  const revoked = new Set(
    policy.revocations.map(({ target }) => ('key' in target ? target.key : target.principal)),
  )
  const found = new Map<string, Pruned>()
  for (const principal of policy.principals.values()) {
    const { name, keys } = principal
    const isRevoked = revoked.has(name) || keys.some(({ identity }) => revoked.has(identity))
    const ended = endOf(principal)
    if (named.has(name) || isRevoked || ended === undefined || ended + facts.since > facts.now) continue
    found.set(name, {
      part: 'principals',
      what: word(name),
      why: `nothing asks for it, and its last key ended ${when(ended)}`,
    })
  }
  return found
}

/**
 * Lists that no rule can ask. They are named and never dropped: a list is ended by its subscriber.
 */
function unusedLists(policy: Policy): readonly Pruned[] {
  const { lists } = policy
  // Whom the user revoked is not asked for by that.
  const named = namedIn({ ...policy, revocations: [] }, new Map())
  const asked = new Set([...named].flatMap(name => listNameOf(name, lists) ?? []))
  const isForDevelopers = named.has(ITS_DEVELOPERS)
  return [...lists.values()].flatMap(({ name, roles, line }) => {
    if (asked.has(name) || (isForDevelopers && roles.includes('developer'))) return []
    const next = `to drop it: nixsig trust unsubscribe ${word(name)}`
    return [{ part: 'lists' as const, what: word(name), why: `nothing asks for it; ${next}`, line }]
  })
}

/** The user's own entries, where no rule asks for the developers of anything. */
function unusedDevelopers(policy: Policy): readonly Pruned[] {
  if (namedIn(policy, new Map()).has(ITS_DEVELOPERS)) return []
  const why = `no rule asks for "${ITS_DEVELOPERS}"; remove it by hand, or have a rule ask`
  return policy.developers.map(({ name }) => ({ part: 'developers', what: word(name), why }))
}

/** When the last key ends; undefined if one never does. */
function endOf({ keys }: Principal): Instant | undefined {
  const ends = keys.map(({ validUntil }) => validUntil)
  return ends.every(end => end !== undefined) ? Math.max(0, ...ends) : undefined
}

/** Every text in the policy outside the people themselves, and the members of groups that stay. */
function namedIn(policy: Policy, dropped: ReadonlyMap<string, Pruned>): ReadonlySet<string> {
  // What lists say of themselves asks for nothing, and witnesses are nobody of the policy.
  const { principals: _, groups, lists: __, quorums: ___, ...rest } = policy
  const members = [...groups.values()]
    .filter(({ name }) => !dropped.has(name))
    .flatMap(group => group.members)
  const texts = new Set(members)
  collect(rest, texts)
  return texts
}

function collect(value: unknown, into: Set<string>): void {
  if (typeof value === 'string') into.add(value)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  const parts = value instanceof Map || value instanceof Set ? [...value] : Object.values(value)
  for (const part of parts) collect(part, into)
}

/** Ends as the text before did: no empty lines are left where the last table was. */
function tidy(toml: string, before: string): string {
  const end = /\s*$/.exec(before)?.[0] ?? ''
  return toml === before ? toml : toml.replace(/\s*$/, '') + (end === '' ? '\n' : end)
}
