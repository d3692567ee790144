/** What changed from one audit to a later one. Pure. */
import type { Instant, KeyIdentity } from '../policy/policy.ts'
import type { Audit, AuditedPath } from './audit.ts'

/** Numbers are places in the lists of the later audit. */
export interface AuditChanges {
  /** When the earlier audit was made. */
  readonly since: Instant
  readonly policyChanged: boolean
  /** Paths of both closures that are refused now and were trusted. */
  readonly newlyRefused: readonly number[]
  /** Paths of both closures that are trusted now and were refused. */
  readonly newlyTrusted: readonly number[]
  /** Paths that the earlier closure did not have. */
  readonly appeared: readonly number[]
  /** Store paths that only the earlier closure had. */
  readonly vanished: readonly string[]
  /** Principals with whom more falls than before, the most first. */
  readonly grown: readonly { readonly principal: number; readonly before: number; readonly after: number }[]
  /** Exemptions that were not there, by what they say and when they end. */
  readonly newExemptions: readonly number[]
  /** Identities of keys that count and were not listed, and of those that are not any more. */
  readonly newKeys: readonly KeyIdentity[]
  readonly goneKeys: readonly KeyIdentity[]
}

/** Compares the closures of two audits; the earlier one may be of another machine. */
export function changesSince(before: Audit, after: Audit): AuditChanges {
  const was = closureOf(before)
  const is = closureOf(after)
  const both = (asked: (now: AuditedPath, then: AuditedPath) => boolean) =>
    after.paths.flatMap((path, place) => {
      const then = was.get(path.path)
      return path.part === 'closure' && then !== undefined && asked(path, then) ? [place] : []
    })
  const fell = new Map(before.principals.map(({ name, falls }) => [name, falls.length]))
  const grown = after.principals.flatMap(({ name, falls }, principal) => {
    const earlier = fell.get(name) ?? 0
    return falls.length > earlier ? [{ principal, before: earlier, after: falls.length }] : []
  })
  const known = new Set(before.exemptions.map(exemptionId))
  return {
    since: before.time,
    policyChanged: before.policy.digest !== after.policy.digest,
    newlyRefused: both((now, then) => isTrusted(then) && !isTrusted(now)),
    newlyTrusted: both((now, then) => !isTrusted(then) && isTrusted(now)),
    appeared: after.paths.flatMap(({ path, part }, place) =>
      part === 'closure' && !was.has(path) ? [place] : [],
    ),
    vanished: [...was.keys()].filter(path => !is.has(path)).sort(),
    grown: grown.sort((a, b) => b.after - b.before - (a.after - a.before)),
    newExemptions: after.exemptions.flatMap((one, place) => (known.has(exemptionId(one)) ? [] : [place])),
    newKeys: keysOnlyIn(after, before),
    goneKeys: keysOnlyIn(before, after),
  }
}

function closureOf({ paths }: Audit): ReadonlyMap<string, AuditedPath> {
  return new Map(paths.filter(({ part }) => part === 'closure').map(path => [path.path, path]))
}

function isTrusted({ outcome }: AuditedPath): boolean {
  return outcome === 'trusted'
}

/** Lines move when others are added. */
function exemptionId({ reason, author, until }: Audit['exemptions'][number]): string {
  return JSON.stringify([reason, author ?? null, until])
}

function keysOnlyIn({ keys }: Audit, other: Audit): readonly KeyIdentity[] {
  const known = new Set(other.keys.map(({ identity }) => identity))
  return keys.map(({ identity }) => identity).filter(identity => !known.has(identity))
}
