/** What the gate tells whoever runs it: one line an event. */
import type { Writable } from 'node:stream'
import { printable } from '../primitives/printable.ts'

export type LogFormat = 'text' | 'json'

export type LogLevel = 'info' | 'warning' | 'error'

/** Never throws. The event is a few words of ours; of the details, any string may come from outside, and as it came. */
export type Log = (
  level: LogLevel,
  event: string,
  details?: Readonly<Record<string, string | number | boolean>>,
) => void

/** Of one detail, in characters: room for a policy's error, and little enough for journald to keep a line whole. */
const LIMIT = 4000

/**
 * A log in one of two forms: `nixsig: event words key=value key="two words"`, the level named unless it is `info`; or a
 * JSON object `{ time, level, event, …details }`, the time in ISO 8601. `write` is given whole lines with their line
 * break; what it throws is lost, for a log is no reason to stop.
 */
export function openLog(format: LogFormat, write: (line: string) => void, now = () => new Date()): Log {
  return (level, event, details = {}) => {
    const shown = Object.entries(details).map(([name, value]) => [name, escaped(value)] as const)
    const line =
      format === 'text'
        ? textLine(level, event, shown)
        : jsonLine({ time: now().toISOString(), level, event }, shown)
    try {
      write(`${line}\n`)
    } catch {
      // Nobody reads the log any longer. What is answered does not depend on that.
    }
  }
}

/** For so many milliseconds lines are gathered. */
const GATHERED = 20

/** Two processes write to one stream: what is no longer than this goes into a pipe in one piece (PIPE_BUF). */
const WHOLE = 4096

/**
 * For openLog: writes to a stream, and goes on in silence once nobody reads it any more. Whoever reads standard error is
 * waited for at each write, so lines that come close together are one.
 */
export function writeTo(stream: Writable): (line: string) => void {
  stream.on('error', () => {})
  let waiting = ''
  const flush = () => {
    if (waiting !== '') stream.write(waiting)
    waiting = ''
  }
  return line => {
    if (waiting.length + line.length > WHOLE) flush()
    if (waiting === '') setTimeout(flush, GATHERED)
    waiting += line
  }
}

type Value = string | number | boolean
type Details = readonly (readonly [name: string, value: Value])[]

function escaped(value: Value): Value {
  return typeof value === 'string' ? printable(value, LIMIT) : value
}

function textLine(level: LogLevel, event: string, details: Details): string {
  const start = level === 'info' ? event : `${level}: ${event}`
  return ['nixsig:', start, ...details.map(([name, value]) => `${name}=${quoted(String(value))}`)].join(' ')
}

/** Backslashes are doubled already, so that the quotation mark's own stands out. */
function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : `"${value.replaceAll('"', '\\"')}"`
}

/** No detail takes the place of the head, whatever it is called. */
function jsonLine(head: Readonly<Record<string, string>>, details: Details): string {
  return JSON.stringify({ ...head, ...Object.fromEntries(details), ...head })
}
