import { counted } from '../primitives/counted.ts'

const HOUR = 3600
const DAY = 24 * HOUR

/** How long ago something was, in whole units; negative seconds are to come. */
export function agoWords(seconds: number): string {
  if (seconds < 0) return `${spanWords(-seconds)} to come`
  return `${spanWords(seconds)} ago`
}

function spanWords(seconds: number): string {
  if (seconds >= 2 * DAY) return counted(Math.floor(seconds / DAY), 'day')
  if (seconds >= HOUR) return counted(Math.floor(seconds / HOUR), 'hour')
  return counted(Math.floor(seconds / 60), 'minute')
}
