/**
 * The one way in which the command line talks. What comes from outside is escaped before it gets
 * here.
 */
import pico from 'picocolors'
import { journalPrefix } from '../files/journal.ts'
import { openSpinner, type Spinner } from './spinner.ts'

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
  /**
   * Says what takes long: after a second of it, in one line beside a spinner, and only to a
   * terminal. The line goes when anything else is said, when `endProgress` is called, and at the
   * end.
   */
  progress(text: string): void
  readonly good: Paint
  readonly bad: Paint
  readonly doubtful: Paint
  readonly strong: Paint
  readonly faint: Paint
}

/** Colours a text, where colours are wanted. */
export type Paint = (text: string) => string

/** What the output is like, where it is not known from where it goes. */
export interface TerminalSettings {
  /** False: no colours, wherever the output goes. */
  readonly colour: boolean
  /** What is printed is for a program: no spinner gets into it, also where a person looks on. */
  readonly forPrograms?: boolean
}

/**
 * Opens the terminal. It gets colours unless NO_COLOR is set (no-color.org), and neither colours
 * nor a spinner if it is a dumb one.
 */
export function openTerminal({ colour, forPrograms = false }: TerminalSettings): Terminal {
  const paint = pico.createColors(colour && wantsColour())
  const isSpun = process.stderr.isTTY === true && !isDumb() && !(forPrograms && process.stdout.isTTY)
  const spinner = isSpun ? openSpinner(process.stderr) : undefined
  if (spinner !== undefined) {
    current = spinner
    process.once('exit', endProgress)
  }
  return {
    print: (text, kind = 'plain') => {
      endProgress()
      process.stdout.write(kind === 'refusal' ? prefixed(text, 1) : `${text}\n`)
    },
    warn: text => {
      endProgress()
      process.stderr.write(prefixed(text, 2))
    },
    note: text => {
      endProgress()
      process.stderr.write(`${text}\n`)
    },
    progress: text => spinner?.show(text),
    good: paint.green,
    bad: paint.red,
    doubtful: paint.yellow,
    strong: paint.bold,
    faint: paint.dim,
  }
}

let current: Spinner | undefined

/**
 * Takes the line of `progress` away: for whatever writes to the terminal itself, as a question
 * does.
 */
export function endProgress(): void {
  current?.end()
}

/** Says what is being done while it is waited for. */
export async function working<T>(terminal: Terminal, text: string, work: () => Promise<T>): Promise<T> {
  terminal.progress(text)
  try {
    return await work()
  } finally {
    endProgress()
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
  return process.stdout.isTTY === true && !process.env['NO_COLOR'] && !isDumb()
}

function isDumb(): boolean {
  return process.env['TERM'] === 'dumb'
}
