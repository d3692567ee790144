/** Where the decision log lies: `<state>/decisions`, root's alone (0700). */
import { join } from 'node:path'

/** The parts of the log's directory. */
export interface LogPlaces {
  readonly directory: string
  /** The newest lines: each a file that has its number as its name, in 12 digits. */
  readonly open: string
  /** 1,024 lines a file, named after the first of them. */
  readonly segments: string
  /** What is known of segments that were removed: docs/decision-log.md. */
  readonly removed: string
  /** The trees over folded lines, so that a signed state needs not read them all again. */
  readonly tree: string
  /** What each asker may still write: budgets.ts. */
  readonly askers: string
  /** Signed states of the log: a file each, named after how many lines it covers. */
  readonly checkpoints: string
  /** Likewise, those that witnesses cosigned. */
  readonly cosigned: string
  /** Why the log could not be kept in order, as long as that is so: trouble.ts. */
  readonly trouble: string
}

/** The places in a state directory. */
export function logPlaces(state: string): LogPlaces {
  const directory = join(state, 'decisions')
  return {
    directory,
    open: join(directory, 'open'),
    segments: join(directory, 'segments'),
    removed: join(directory, 'removed'),
    tree: join(directory, 'tree'),
    askers: join(directory, 'askers'),
    checkpoints: join(directory, 'checkpoints'),
    cosigned: join(directory, 'cosigned'),
    trouble: join(directory, 'trouble'),
  }
}

const NUMBER = /^\d{12}$/

/** A number as it names a file. */
export function numberName(number: number): string {
  return String(number).padStart(12, '0')
}

/** The number that is the name of a file; undefined if it is none. */
export function numberOf(name: string): number | undefined {
  return NUMBER.test(name) ? Number(name) : undefined
}

/** The greatest number among names; -1 if there is none. */
export function greatest(names: readonly string[]): number {
  // They come in order mostly, so from the end few have to be looked at.
  const name = names.reduceRight((found, one) => (one > found && NUMBER.test(one) ? one : found), '')
  return name === '' ? -1 : Number(name)
}
