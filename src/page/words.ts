/** Numbers, sizes and days, as the page writes them. */

const NUMBER = new Intl.NumberFormat('en')

export const number = (value: number): string => NUMBER.format(value)

export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${number(count)} ${count === 1 ? noun : plural}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

/** The day of an instant, in UTC. */
export function day(instant: number): string {
  const date = new Date(instant * 1000)
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().slice(0, 10)
}

/** How long until then, in days. */
export function away(instant: number, now: number): string {
  const days = Math.floor((instant - now) / 86_400)
  if (days < 0) return 'over'
  return days === 0 ? 'today' : `in ${counted(days, 'day')}`
}
