/** Doors about the policy. */
import { endOfList } from '../policy/lists/scope.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import { when } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import { about, closed, type Finding, known, notApplicable, open } from './door.ts'
import type { Facts } from './facts.ts'

/** Seconds before an end at which it is reported. */
const AHEAD = 30 * 24 * 3600

/** Whether the policy can be read. */
export function policy({ policy }: Facts): Finding {
  if ('problem' in policy) return open(policy.problem)
  return closed(`digest ${policy.value.digest.slice(0, 16)}`)
}

/** Whether the policy refuses untrusted paths. A respite changes the mode while it lasts. */
export function mode({ policy, respite, now }: Facts): Finding {
  const given = known(respite)
  return about(policy, ({ mode }) => {
    if (mode === 'enforce') {
      return closed('problem' in respite ? `mode enforce; note: ${respite.problem}` : 'mode enforce')
    }
    if (given === undefined || given.since > now || given.until <= now)
      return open('warn mode: open by choice')
    const reason = given.reason === '' ? '' : `: ${printable(given.reason)}`
    return open(`a respite, open by choice until ${when(given.until)}${reason}`)
  })
}

/**
 * Keys and exemptions that have ended or end soon, and lists that end soon: the door `lists` has
 * those that ended. Nothing comes in because of them, but legitimate paths will soon be refused.
 */
export function policyDates({ policy, now }: Facts): Finding {
  const parsed = known(policy)
  if (parsed === undefined) return notApplicable('there is no policy that can be read')
  const ends = endsOf(parsed, now).filter(({ at }) => at <= now + AHEAD)
  if (ends.length === 0) return closed('nothing ends within 30 days')
  return open(ends.map(({ what, at }) => `${what} ${at <= now ? 'ended' : 'ends'} on ${day(at)}`).join('; '))
}

/**
 * Whether the books of the policy's lists are whole and count. Whoever judges reads a few records
 * of a book, each with its checksum; that all of it is what the update wrote is found out here.
 */
export function lists({ lists, now }: Facts): Finding {
  return about(lists, all => {
    if (all.length === 0) return notApplicable('the policy names no lists')
    const bad = all.flatMap(({ name, problem, until }) => {
      if (problem !== undefined) return `${printable(name)}: ${problem}`
      return until !== undefined && until <= now
        ? `${printable(name)} does not count since ${day(until)}`
        : []
    })
    if (bad.length > 0) return open(bad.join('; '))
    const names = all.map(({ name }) => printable(name))
    return closed(
      names.length === 1 ? `the book of ${names[0]} is whole` : `the books of ${names.join(', ')} are whole`,
    )
  })
}

function endsOf(
  { principals, lists, exemptions }: Policy,
  now: Instant,
): readonly { readonly what: string; readonly at: Instant }[] {
  const keys = [...principals.values()].flatMap(({ name, keys }) =>
    keys.flatMap(({ label, validUntil }) =>
      validUntil === undefined
        ? []
        : [{ what: `the key ${printable(label)} of ${printable(name)}`, at: validUntil }],
    ),
  )
  const exempt = exemptions.map(({ line, until }) => ({ what: `the exemption in line ${line}`, at: until }))
  const listed = [...lists.values()].flatMap(list => {
    const at = endOfList(list)
    return at === undefined || at <= now ? [] : [{ what: `the list ${printable(list.name)}`, at }]
  })
  return [...keys, ...exempt, ...listed]
}

function day(at: Instant): string {
  return new Date(at * 1000).toISOString().slice(0, 10)
}
