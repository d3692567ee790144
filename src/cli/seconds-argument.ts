import { UsageError } from './usage-error.ts'

/** The most that a timer can wait: some 24 days. */
const LONGEST = 2_000_000

/**
 * Milliseconds of an option that is a whole number of seconds, at most `most`. Throws UsageError
 * for anything else.
 */
export function millisecondsOf(option: string, text: string, most = LONGEST): number {
  const seconds = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : 0
  if (seconds > 0 && seconds <= most) return seconds * 1000
  throw new UsageError(`${option} must be a number of seconds from 1 to ${most}`)
}
