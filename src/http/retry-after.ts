/** Longest time that a server can ask for, in milliseconds. */
const LONGEST = 5 * 60 * 1000

/**
 * The value of a Retry-After header (RFC 9110, section 10.2.3), which is a number of seconds or a
 * date, in milliseconds from `now` (milliseconds since 1970): 5 minutes at most. Undefined if it is
 * neither.
 */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? ''
  if (/^\d{1,10}$/.test(text)) return Math.min(Number(text) * 1000, LONGEST)
  // Date.parse takes much that is not a date of HTTP.
  const time = /^[A-Z][a-z]+, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : Math.min(Math.max(time - now, 0), LONGEST)
}
