/** What `nixsig revoke` is asked for, and what would come of it. */
import { NO_POLICY } from '../ledger/admissions.ts'
import { parseInstant } from '../policy/language/instant.ts'
import { type PolicySource, parsePolicy } from '../policy/language/parse.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import type { Book, ListInForce, ListRevocation } from '../policy/lists/book.ts'
import { listNameOf } from '../policy/lists/names.ts'
import type { KeyIdentity, Policy, Revocation } from '../policy/policy.ts'
import { when } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import type { Comparison } from '../reach/compare.ts'
import {
  type RevocationText,
  reasonProblem,
  revocationInline,
  revocationToml,
  revokedTarget,
} from '../reach/revocation.ts'
import type { Usage, Usages } from '../reach/usage.ts'
import type { Places } from '../verifier/places.ts'
import { certifiedHere } from '../verifier/policy-file.ts'
import { policySource } from './policy-argument.ts'
import { isReadable } from './readable-inquiry.ts'
import { millisecondsOf } from './seconds-argument.ts'
import { UsageError } from './usage-error.ts'

/** What the command was given. */
export interface RevocationOptions {
  readonly who: string
  readonly reason: string
  readonly date: string | undefined
  /** How long to judge what may fall. */
  readonly seconds: string
}

/** What is to be done, and what comes of it. */
export interface RevocationPlan {
  readonly text: RevocationText
  /** The entry of the policy. */
  readonly toml: string
  /** The same, where it is in force already. */
  readonly already: Revocation | undefined
  /** Undefined where the ledger cannot be read. */
  readonly reached: Reached | undefined
  readonly usages: ReadonlyMap<string, Usage>
}

/**
 * Finds what would fall. Throws UsageError for what cannot be revoked, PolicyError and FileError
 * for a policy that cannot be read.
 */
export async function planRevocation(options: RevocationOptions, places: Places): Promise<RevocationPlan> {
  const patience = millisecondsOf('--seconds', options.seconds)
  const source = policySource(places.policy, process.geteuid?.() === 0, places.state)
  const policy = parsePolicy(source)
  const isOpen = isReadable(places)
  // Keys that others certified can be revoked too, and count for whom a principal is.
  const known = isOpen ? certifiedHere(places, policy) : policy
  const text = textOf(options, known)
  const already = policy.revocations.find(one => isOf(one, text) && one.from <= now())
  const compared = {
    before: already === undefined && !isRevokedByList(policy, text) ? policy : without(policy, text),
    after: already === undefined ? draftOf(source, text) : policy,
  }
  const keys = supportOf(known, text)
  const reached = isOpen ? await reach({ places, ...compared, keys, patience }) : undefined
  const usages = new Map(reached?.usages.usages.map(usage => [usage.path, usage]))
  return { text, toml: revocationToml(text), already, reached, usages }
}

/** The keys that are meant, and those that they certified. */
function supportOf({ principals }: Policy, { target: { keys } }: RevocationText): ReadonlySet<KeyIdentity> {
  const all = [...principals.values()].flatMap(principal => principal.keys)
  const certified = all.filter(({ certifiedBy = [] }) => certifiedBy.some(identity => keys.has(identity)))
  return new Set([...keys, ...certified.map(({ identity }) => identity)])
}

function textOf({ who, reason, date }: RevocationOptions, policy: Policy): RevocationText {
  const problem = reasonProblem(reason)
  if (problem !== undefined) throw new UsageError(`--reason ${problem}`)
  const instant = date === undefined ? now() : parseInstant(date)
  if (instant === undefined)
    throw new UsageError(`--date ${printable(date ?? '', 60)} is not a date such as ${when(now())}`)
  const target = revokedTarget(policy, who)
  if ('problem' in target) throw new UsageError(`${target.problem}; next: ${whoIsThere(policy, who)}`)
  return { target, date: instant, reason }
}

/** Where to look for what somebody is called. */
function whoIsThere({ lists }: Policy, who: string): string {
  const list = listNameOf(who, lists)
  return list === undefined
    ? 'nixsig policy describe names everybody with their keys'
    : `nixsig trust show ${list}`
}

/** Whether a revocation has this target. */
export function isOf(
  { target }: Pick<Revocation, 'target'>,
  { target: { keys, principal } }: RevocationText,
): boolean {
  return 'principal' in target
    ? target.principal === principal
    : principal === undefined && keys.has(target.key)
}

/**
 * Whether a list has said it before the user does: then what rested on it fell when that was taken.
 */
function isRevokedByList({ lists }: Policy, text: RevocationText): boolean {
  return [...lists.values()].some(
    ({ book }) => !('problem' in book) && book.revocations.some(one => isOf(one, text)),
  )
}

/**
 * The policy as if nobody had revoked this, neither the user nor a list: the ledger has nothing that
 * was admitted under it.
 */
function without(policy: Policy, text: RevocationText): Policy {
  const kept = <One extends ListRevocation>(all: readonly One[]) => all.filter(one => !isOf(one, text))
  const lists = [...policy.lists].map(([name, list]): [string, ListInForce] => {
    const { book } = list
    if ('problem' in book) return [name, list]
    const revocations = kept(book.revocations)
    const revocationsOf: Book['revocationsOf'] = principal => kept(book.revocationsOf(principal))
    return [name, { ...list, book: { ...book, revocations, revocationsOf } }]
  })
  return { ...policy, digest: NO_POLICY, revocations: kept(policy.revocations), lists: new Map(lists) }
}

/** The policy once the revocation is in force, be that today. */
function draftOf(source: PolicySource, text: RevocationText): Policy {
  const inForce = revocationToml({ ...text, date: Math.min(text.date, now()) })
  const whole = source.toml.replace(/\s*$/, '')
  try {
    return parsePolicy({ ...source, toml: `${whole}\n\n${inForce}` })
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    throw new UsageError(
      `the revocations of ${printable(source.file)} are not in tables of their own, so nothing was changed; next: add it to them: ${revocationInline(text)}`,
    )
  }
}

/** What comes of it on this machine. */
export interface Reached {
  readonly comparison: Comparison
  readonly usages: Usages
}

async function reach({
  places,
  before,
  after,
  keys,
  patience,
}: {
  readonly places: Places
  readonly before: Policy
  readonly after: Policy
  readonly keys: ReadonlySet<KeyIdentity>
  readonly patience: number
}): Promise<Reached> {
  const { fallenUnder } = await import('../reach/fallen.ts')
  const { usagesHere } = await import('../reach/usages-here.ts')
  const support = { kind: 'keys', keys } as const
  const comparison = await fallenUnder(places, after, { before, support, patience })
  return {
    comparison,
    usages: await usagesHere(comparison.falls.map(({ path }) => path)),
  }
}

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000)
}
