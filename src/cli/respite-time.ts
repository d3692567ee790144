import { LONGEST_RESPITE } from '../ledger/respite.ts'
import { parseInstant } from '../policy/language/instant.ts'
import type { Instant } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

const SECONDS = { m: 60, h: 3600, d: 86_400 } as const

/**
 * When a respite ends that begins now: a span such as `90m`, `2h` or `1d`, or a time with its
 * offset (RFC 3339). Throws UsageError for anything else, and for what is over or too far away.
 */
export function respiteEnd(text: string, now: Instant): Instant {
  const until = spanOf(text, now) ?? timeOf(text)
  if (until === undefined) {
    throw new UsageError(
      `--until ${printable(text, 60)} is neither a span such as 90m, 2h or 1d, nor a time such as 2026-12-31T18:00:00+01:00`,
    )
  }
  if (until <= now) throw new UsageError(`--until ${printable(text, 60)} is over already`)
  if (until - now > LONGEST_RESPITE) {
    throw new UsageError(`--until ${printable(text, 60)} is more than a week away: change the policy instead`)
  }
  return until
}

function spanOf(text: string, now: Instant): Instant | undefined {
  const [, count, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? []
  return count === undefined ? undefined : now + Number(count) * SECONDS[unit as keyof typeof SECONDS]
}

/** A day alone would end at its beginning, which is not what whoever writes it means. */
function timeOf(text: string): Instant | undefined {
  return /t/i.test(text) ? parseInstant(text) : undefined
}
