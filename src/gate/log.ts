/** The gate's log: one line for each event. */
import type { Writable } from 'node:stream'
import { printable } from '../primitives/printable.ts'

export type LogFormat = 'text' | 'json'

export type LogLevel = 'info' | 'warning' | 'error'

/**
 * Writes a line; never throws. `event` is a fixed phrase of the gate's own. Strings in `details`
 * may come from outside and need not be escaped.
 */
export type Log = (
  level: LogLevel,
  event: string,
  details?: Readonly<Record<string, string | number | boolean>>,
) => void

/**
 * Longest detail, in characters: enough for an error in a policy, and short enough for journald to
 * keep the line in one piece.
 */
const LIMIT = 4000

/**
 * Opens a log in one of two formats. `text` gives `nixsig: event words key=value key="two words"`,
 * with the level named unless it is `info`. `json` gives an object with `time` (ISO 8601), `level`,
 * `event` and the details. `write` gets whole lines with their line break, and their level.
 * What it throws is ignored: a failing log must not stop the gate.
 */
export function openLog(
  format: LogFormat,
  write: (line: string, level: LogLevel) => void,
  now = () => new Date(),
): Log {
  return (level, event, details = {}) => {
    const shown = Object.entries(details).map(([name, value]) => [name, escaped(value)] as const)
    const line =
      format === 'text'
        ? textLine(level, event, shown)
        : jsonLine({ time: now().toISOString(), level, event }, shown)
    try {
      write(`${line}\n`, level)
    } catch {
      // Nobody reads the log any more. Answers do not depend on it.
    }
  }
}

/** Milliseconds for which lines are collected before they are written. */
const GATHERED = 20

/**
 * Two processes write to one stream. Writes up to this many bytes go into a pipe in one piece
 * (PIPE_BUF).
 */
const WHOLE = 4096

/**
 * For openLog: writes to a stream, and ignores errors once nobody reads it any more. A write to
 * standard error waits for its reader, so lines that come close together are written as one piece.
 * `prefixOf` gives what is written in front of a line of some level.
 */
export function writeTo(
  stream: Writable,
  prefixOf: (level: LogLevel) => string = () => '',
): (line: string, level: LogLevel) => void {
  stream.on('error', () => {})
  let waiting = ''
  const flush = () => {
    if (waiting !== '') stream.write(waiting)
    waiting = ''
  }
  return (text, level) => {
    const line = `${prefixOf(level)}${text}`
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

/** Backslashes have been doubled already, so an escaped quotation mark is unambiguous. */
function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : `"${value.replaceAll('"', '\\"')}"`
}

/** The head goes last too, so that no detail can replace `time`, `level` or `event`. */
function jsonLine(head: Readonly<Record<string, string>>, details: Details): string {
  return JSON.stringify({ ...head, ...Object.fromEntries(details), ...head })
}
