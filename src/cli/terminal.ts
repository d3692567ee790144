/**
 * The one way in which the command line talks. What comes from outside is escaped before it gets
 * here.
 */
import pico from 'picocolors'
import { journalPrefix } from '../files/journal.ts'

export interface Terminal {
  /**
   * One or more lines of the answer, to standard output. In the journal a `refusal` has the
   * priority of a warning.
   */
  print(text: string, kind?: 'plain' | 'refusal'): void
  /** A remark beside the answer, to standard error. */
  note(text: string): void
  /** A remark that somebody has to act on: in the journal, with the priority of a warning. */
  warn(text: string): void
  /** Says how far long work is: after a second of it, and only to a terminal. */
  progress(text: string): void
  readonly good: Paint
  readonly bad: Paint
  readonly doubtful: Paint
  readonly strong: Paint
  readonly faint: Paint
}

/** Colours a text, where colours are wanted. */
export type Paint = (text: string) => string

/** Work that is done sooner needs no word about how far it is. */
const PATIENCE_MS = 1000
const CLEAR_LINE = '\r\u001b[K'

/**
 * `colour` false: none, wherever the output goes. Otherwise a terminal gets them unless NO_COLOR is
 * set (no-color.org).
 */
export function openTerminal(colour: boolean): Terminal {
  const paint = pico.createColors(colour && wantsColour())
  const started = Date.now()
  let isShown = false
  const clear = () => {
    if (isShown) process.stderr.write(CLEAR_LINE)
    isShown = false
  }
  return {
    print: (text, kind = 'plain') => {
      clear()
      process.stdout.write(kind === 'refusal' ? prefixed(text, 1) : `${text}\n`)
    },
    warn: text => {
      clear()
      process.stderr.write(prefixed(text, 2))
    },
    note: text => {
      clear()
      process.stderr.write(`${text}\n`)
    },
    progress: text => {
      if (!process.stderr.isTTY || Date.now() - started < PATIENCE_MS) return
      process.stderr.write(`${CLEAR_LINE}${text}`)
      isShown = true
    },
    good: paint.green,
    bad: paint.red,
    doubtful: paint.yellow,
    strong: paint.bold,
    faint: paint.dim,
  }
}

/** Each line with the priority of a warning, where the journal reads it. */
function prefixed(text: string, stream: 1 | 2): string {
  const prefix = journalPrefix('warning', stream)
  return text
    .split('\n')
    .map(line => `${prefix}${line}\n`)
    .join('')
}

function wantsColour(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
}
