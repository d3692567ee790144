/**
 * Finds what a policy says in vain by now: exemptions that are over, and rules that nobody can
 * meet.
 */
import { type KeyStanding, standingOf } from './key-standing.ts'
import type { Aspect, Exemption, Instant, Policy, Principal } from './policy.ts'
import { fillSeats, isFilled, peopleOf } from './seats.ts'

/** The parts of a policy that can end. A policy with errors may lack its default. */
export type EndingPolicy = Pick<
  Policy,
  'principals' | 'groups' | 'rules' | 'inputs' | 'revocations' | 'exemptions'
> & { readonly fallback: Policy['fallback'] | undefined }

/** Somebody whose keys have all ended, and how the last of them did. */
export interface Ended {
  readonly who: string
  readonly standing: Exclude<KeyStanding, { readonly code: 'valid' | 'not-yet-valid' }>
}

/** Something that has no effect any more. The codes are stable. */
export type Ending =
  | { readonly code: 'exemption-over'; readonly line: number; readonly exemption: Exemption }
  | {
      readonly code: 'nobody-left'
      readonly line: number
      /** The rule's title. */
      readonly title: string
      readonly aspect: Aspect
      /** The principal or group that is demanded. */
      readonly demanded: string
      readonly ended: readonly Ended[]
    }

/** Everything that has ended by this instant, by line. */
export function endingsIn(policy: EndingPolicy, now: Instant): readonly Ending[] {
  const over = policy.exemptions
    .filter(({ until }) => until <= now)
    .map(exemption => ({ code: 'exemption-over', line: exemption.line, exemption }) as const)
  const ended = endedPeople(policy, now)
  return [...over, ...unmeetable(policy, ended)].sort((a, b) => a.line - b.line)
}

/** The people of whose keys none counts, or ever will. */
function endedPeople(policy: EndingPolicy, now: Instant): ReadonlyMap<string, Ended> {
  const found = [...policy.principals.values()].flatMap(principal => {
    const last = lastStanding(policy, principal, now)
    return last === undefined ? [] : [[principal.name, { who: principal.name, standing: last }] as const]
  })
  return new Map(found)
}

/** Undefined where a key counts, or will. */
function lastStanding(
  policy: EndingPolicy,
  principal: Principal,
  now: Instant,
): Ended['standing'] | undefined {
  let last: Ended['standing'] | undefined
  for (const key of principal.keys) {
    const standing = standingOf(policy, { principal, key }, now)
    if (standing.code === 'valid' || standing.code === 'not-yet-valid') return undefined
    last = standing
  }
  return last
}

function unmeetable(policy: EndingPolicy, ended: ReadonlyMap<string, Ended>): readonly Ending[] {
  if (ended.size === 0) return []
  const rules = [...policy.rules, ...(policy.fallback === undefined ? [] : [policy.fallback])].flatMap(
    ({ title, line, require }) =>
      Object.entries(require).map(([aspect, requirement]) => ({
        title,
        line,
        aspect: aspect as Aspect,
        requirement,
      })),
  )
  const inputs = policy.inputs.map(({ title, line, require }) => ({
    title,
    line,
    aspect: 'expression' as const,
    requirement: require,
  }))
  return [...rules, ...inputs].flatMap(({ title, line, aspect, requirement }) => {
    const demands = requirement.kind === 'all' ? requirement.demands : []
    return demands.flatMap(({ who }) => {
      const people = peopleOf(policy.groups, who)
      const able = new Set([...people].filter(one => !ended.has(one)))
      const gone = [...people].flatMap(one => ended.get(one) ?? [])
      if (gone.length === 0 || isFilled(fillSeats(policy.groups, who, able))) return []
      return [{ code: 'nobody-left', line, title, aspect, demanded: who, ended: gone } as const]
    })
  })
}
