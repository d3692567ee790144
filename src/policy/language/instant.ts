import type { Instant } from '../policy.ts'
import { ALONE, complain, type Node } from './fields.ts'

/**
 * RFC 3339, section 5.6: a full-date, optionally with a full-time in whole seconds. Leap seconds
 * are not supported.
 */
const DATE = String.raw`(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])`
const TIME = String.raw`([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))`
const FORM = new RegExp(`^${DATE}(?:[Tt ]${TIME})?$`)

/**
 * A date or time in the text of a policy, in any form. A space may stand for the `T`, as the RFC
 * and TOML allow.
 */
const TOKEN = /\d[\dTtZz:+.-]*(?: (?=\d)[\dZz:+.-]+)?/y

/**
 * Reads an instant: a date, which means its first second in UTC, or a date and time with an offset.
 * Undefined if absent. Anything else is recorded and undefined. It may also be a string, for
 * programs that write policies by way of JSON, which has no dates.
 */
export function instantOf(node: Node | undefined): Instant | undefined {
  if (node === undefined) return undefined
  const text = textOf(node)
  if (text === undefined) return complain(node, 'must be a date, such as 2026-12-31', ALONE)
  const match = FORM.exec(text)
  if (match === null) {
    return complain(
      node,
      'must be a date, or a time in whole seconds with an offset (2026-12-31T18:00:00Z)',
      ALONE,
    )
  }
  return instantIn(match) ?? complain(node, 'is not a day of the calendar since 1970', ALONE)
}

/** Parses a text that is exactly an instant; undefined if it is not one. */
export function parseInstant(text: string): Instant | undefined {
  const match = FORM.exec(text)
  return match === null ? undefined : instantIn(match)
}

/** Undefined for a day that does not exist, and for a time before 1970. */
function instantIn(match: RegExpExecArray): Instant | undefined {
  const [year = 0, month = 0, day, hour, minute, second] = match
    .slice(1, 7)
    .map(digits => Number(digits ?? 0))
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  const exists = date.getUTCMonth() + 1 === month && date.getUTCDate() === day
  const offset = (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0)) * (match[7] === '-' ? -1 : 1)
  const instant = date.getTime() / 1000 - offset * 60
  return exists && year >= 1970 && instant >= 0 ? instant : undefined
}

/** The text of a date as written; undefined if the value is not a date. */
function textOf({ value, draft, path }: Node): string | undefined {
  if (typeof value === 'string') return value
  if (!(value instanceof Date)) return undefined
  // Taken from the text itself: the parser reads 30 February as 2 March.
  TOKEN.lastIndex = draft.locate(path).offset
  return TOKEN.exec(draft.toml)?.[0] ?? ''
}
