/**
 * What may be spent on what comes from outside, counted and not timed. The unit is one verification of Ed25519 over a
 * short message, of which a slow machine makes twenty thousand a second.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { FileError } from '../files/regular-file.ts'

/** Bytes that are hashed in the time of one unit, and those that are parsed. */
const HASHED = 16 * 1024
const PARSED = 4 * 1024
/** Escapes in strings that are read in that time. */
const ESCAPES = 200

/** Units after which others get their turn: five milliseconds. */
const STRETCH = 100

/** More than may be spent was asked for. */
export class WorkLimitError extends FileError {}

export interface Work {
  /** To be called before so many units of work are done. Rejects with WorkLimitError where they are too many. */
  spend(units: number): Promise<void>
}

/** What hashing so many bytes costs, beside what is done with the hash: every signature hashes all of its message. */
export function hashingCost(bytes: number): number {
  return Math.floor(bytes / HASHED)
}

/** What it costs to parse a text of few values: by its length, and by the backslashes in it. */
export function parsingCost(text: string): number {
  let escapes = 0
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at + 1)) escapes++
  return Math.ceil(text.length / PARSED) + Math.floor(escapes / ESCAPES)
}

/** Counts work up to a limit, and lets others have their turn meanwhile. */
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

/** For what is not from outside, or bounded elsewhere. */
export const UNLIMITED: Work = { spend: async () => undefined }
