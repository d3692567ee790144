/** What ends soon: keys, lists, exemptions, a respite. Pure. */
import { endOfList } from '../policy/lists/scope.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { AuditedExemption, AuditedKey, AuditedPath, AuditedPrincipal, Ending } from './audit.ts'
import { isOnlyLetIn } from './let-in.ts'

/** How far ahead is looked: thirty days, in seconds. */
export const SOON = 30 * 24 * 3600

/** What is known when ends are looked for. */
export interface EndsOf {
  readonly policy: Policy
  readonly now: Instant
  readonly keys: readonly AuditedKey[]
  readonly principals: readonly AuditedPrincipal[]
  readonly exemptions: readonly AuditedExemption[]
  readonly paths: readonly AuditedPath[]
  readonly respite: { readonly until: Instant; readonly reason: string } | undefined
}

/**
 * Everything that ends within thirty days, the nearest first, with the paths of the closure that
 * then fall: of a respite those that it let in.
 */
export function endsSoon(known: EndsOf): readonly Ending[] {
  const { policy, now, keys, principals, exemptions, paths, respite } = known
  const ends: (Ending | undefined)[] = [
    ...keys.map(({ identity, until, falls, principal }) =>
      until === undefined
        ? undefined
        : ending('key', identity, until, falls, principals[principal ?? -1]?.name),
    ),
    ...[...policy.lists.values()].map(list => {
      const at = endOfList(list)
      const members = principals.filter(one => one.list === list.name)
      const falls = [...new Set(members.flatMap(one => one.falls))].sort((a, b) => a - b)
      return at === undefined ? undefined : ending('list', list.name, at, falls)
    }),
    ...exemptions.map(({ line, until, paths: its }) =>
      ending(
        'exemption',
        `line ${line}`,
        until,
        its.filter(one => paths[one]?.part === 'closure'),
      ),
    ),
    respite &&
      ending(
        'respite',
        respite.reason,
        respite.until,
        paths.flatMap((path, index) => (path.part === 'closure' && isOnlyLetIn(path) ? [index] : [])),
      ),
  ]
  return ends
    .filter(one => one !== undefined)
    .filter(({ at }) => at > now && at <= now + SOON)
    .sort((a, b) => a.at - b.at)
}

function ending(
  kind: Ending['kind'],
  what: string,
  at: Instant,
  falls: readonly number[],
  who?: string,
): Ending {
  return { kind, what, who, at, falls }
}
