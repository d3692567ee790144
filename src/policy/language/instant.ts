import type { Instant } from '../policy.ts'
import { complain, type Node } from './fields.ts'

/** RFC 3339, section 5.6, as TOML takes it: a date, or date and time with an offset, in whole seconds. */
const FORM =
  /(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2}))?(?:[Zz]|([+-])(\d{2}):(\d{2})))?(?=[ \t\r\n,\]}#]|$)/y

/**
 * An instant: a date, which means its first second in UTC, or a date and time with an offset; undefined if missing, or
 * noted if it is none. The same in quotes is the same, for whatever writes policies by way of JSON, which has no dates.
 */
export function instantOf(node: Node | undefined): Instant | undefined {
  if (node === undefined) return undefined
  const match = matchOf(node)
  if (match === undefined) return complain(node, 'must be a date, such as 2026-12-31')
  if (match === null) {
    return complain(node, 'must be a date, or a time in whole seconds with an offset (2026-12-31T18:00:00Z)')
  }
  return instantIn(match) ?? complain(node, 'is not a day of the calendar since 1970')
}

/** The instant that a text is and nothing else; undefined if it is none. */
export function parseInstant(text: string): Instant | undefined {
  const match = wholly(text)
  return match === null ? undefined : instantIn(match)
}

/** Undefined for what is no day of the calendar since 1970. */
function instantIn(match: RegExpExecArray): Instant | undefined {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(digits => Number(digits ?? 0))
  const milliseconds = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
  const offset = (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0)) * (match[7] === '-' ? -1 : 1)
  const date = new Date(milliseconds)
  const exists = date.getUTCMonth() + 1 === month && date.getUTCDate() === day && date.getUTCHours() === hour
  return exists && (year ?? 0) >= 1970 ? milliseconds / 1000 - offset * 60 : undefined
}

/** What the form finds; null if it does not fit, undefined for what is no date at all. */
function matchOf({ value, draft, path }: Node): RegExpExecArray | null | undefined {
  if (typeof value === 'string') return wholly(value)
  if (!(value instanceof Date)) return undefined
  // Read from the text itself: the parser takes 30 February for 2 March.
  FORM.lastIndex = draft.locate(path).offset
  return FORM.exec(draft.toml)
}

function wholly(text: string): RegExpExecArray | null {
  FORM.lastIndex = 0
  const match = FORM.exec(text)
  return match?.[0] === text ? match : null
}
