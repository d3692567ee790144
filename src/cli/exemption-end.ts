import { userInfo } from 'node:os'
import { usualEnd } from '../adopt/exemptions.ts'
import { parseInstant } from '../policy/language/instant.ts'
import type { Instant } from '../policy/policy.ts'
import { when } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

/**
 * The end of an exemption that `--until` names, or the usual one. Throws UsageError for what is not
 * a date, and for a date that is over.
 */
export function exemptionEnd(until: string | undefined, now: Instant): Instant {
  const usual = usualEnd(now)
  if (until === undefined) return usual
  const end = parseInstant(until)
  if (end === undefined)
    throw new UsageError(`--until ${printable(until, 60)} is not a date such as ${when(usual)}`)
  if (end <= now) throw new UsageError(`--until ${printable(until, 60)} is over already`)
  return end
}

/**
 * Who decides on an exemption, for people: whoever called sudo, or whom this process belongs to.
 * Undefined where that has no plain name.
 */
export function authorHere(): string | undefined {
  const name = process.env['SUDO_USER'] ?? nameHere()
  return name !== undefined && /^[A-Za-z0-9._-]{1,64}$/.test(name) ? name : undefined
}

/** Undefined for a user without an entry in passwd(5). */
function nameHere(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
