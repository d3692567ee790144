import { FormatError } from '../primitives/format-error.ts'

/** Prints seconds since 1970 as in-toto writes times: RFC 3339 in UTC, with `Z`. */
export function printTimestamp(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

/**
 * Parses such a time to whole seconds since 1970, dropping fractions. Throws FormatError for any
 * other form and for dates that do not exist.
 */
export function parseTimestamp(text: string): number {
  const [, second] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z$/.exec(text) ?? []
  const seconds = second === undefined ? Number.NaN : Date.parse(`${second}Z`) / 1000
  // Date.parse accepts 30 February and 24:00:00 and turns them into another day.
  if (Number.isNaN(seconds) || printTimestamp(seconds) !== `${second}Z`) {
    throw new FormatError('timestamp', 'not an RFC 3339 time in UTC', `length ${text.length}`)
  }
  return seconds
}
