/**
 * Limits on the work that input from outside may cause, counted rather than timed. The unit is one
 * Ed25519 verification over a short message; a slow machine does twenty thousand per second.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { FileError } from '../files/regular-file.ts'

/** How many bytes are hashed, and how many are parsed, in one unit. */
const HASHED = 16 * 1024
const PARSED = 4 * 1024
/** How many escapes in strings are parsed in one unit. */
const ESCAPES = 200

/** How many units are done before other tasks get a turn: five milliseconds. */
const STRETCH = 100

/** The limit on work is reached. */
export class WorkLimitError extends FileError {}

/** A limited amount of work. */
export interface Work {
  /**
   * To be called before this many units of work. Rejects with WorkLimitError if that exceeds the
   * limit.
   */
  spend(units: number): Promise<void>
}

/**
 * The cost of hashing this many bytes. It is added to what is done with the hash, because every
 * signature hashes its whole message.
 */
export function hashingCost(bytes: number): number {
  return Math.floor(bytes / HASHED)
}

/** The cost of parsing a text with few values: by its length, and by its backslashes. */
export function parsingCost(text: string): number {
  let escapes = 0
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at + 1)) escapes++
  return Math.ceil(text.length / PARSED) + Math.floor(escapes / ESCAPES)
}

/** Counts work up to a limit, and gives other tasks a turn meanwhile. */
export function openWork(limit: number): Work {
  let left = limit
  let stretch = STRETCH
  return {
    async spend(units) {
      if (units > left) throw new WorkLimitError('more work to verify it all than a second has')
      left -= units
      stretch -= units
      if (stretch > 0) return
      stretch = STRETCH
      await turn()
    },
  }
}

/** For work that is not caused from outside, or limited elsewhere. */
export const UNLIMITED: Work = { spend: async () => undefined }
