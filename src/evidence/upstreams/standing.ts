/** What a binary cache says of itself: asked in the background, and again from time to time. */
import { FileError } from '../../files/regular-file.ts'
import { parseCacheInfo } from '../../formats/nix/cache-info.ts'
import { STORE_DIR } from '../../formats/nix/store-path.ts'
import { SourceError } from '../../http/source-error.ts'
import { printable } from '../../primitives/printable.ts'

/** Priority of a cache that names none, as in Nix. */
export const PRIORITY = 50
/** Milliseconds after which it is asked again. */
const DAY = 24 * 60 * 60 * 1000
const AFTER_FAILURE = 5 * 60 * 1000

export interface Standing {
  /** The policy's, or the cache's own: the lower, the sooner it is used. */
  readonly priority: number
  readonly wantsMassQuery: boolean
  /** Whether it is known what the cache says of itself. */
  readonly isKnown: boolean
  /** Why the cache cannot be used at all. */
  readonly problem?: string
}

export interface StandingKeeper {
  /** What is known now. Starts to ask if that is nothing, or too old. */
  now(): Standing
  /** What is known once it was asked. Never rejects. */
  asked(): Promise<Standing>
  /** Why the cache cannot be used, as far as that is known. Starts nothing. */
  problem(): string | undefined
  forget(): void
}

/**
 * `read` gets the cache's `nix-cache-info`, undefined if it has none; it rejects with SourceError or
 * FileError. `priority` is what the policy says. `clock` is in milliseconds and never goes back.
 * Asks nothing yet.
 */
export function keepStanding(
  read: () => Promise<Uint8Array | undefined>,
  priority: number | undefined,
  clock: () => number = () => performance.now(),
): StandingKeeper {
  const unknown: Standing = { priority: priority ?? PRIORITY, wantsMassQuery: false, isKnown: false }
  let standing = unknown
  let until = 0
  let asking: Promise<Standing> | undefined

  async function ask(): Promise<Standing> {
    try {
      const bytes = await read()
      standing = bytes === undefined ? unknown : standingOf(bytes, priority)
      until = clock() + (standing.problem === undefined ? DAY : AFTER_FAILURE)
    } catch (error) {
      if (!(error instanceof SourceError || error instanceof FileError)) throw error
      // What it said before still counts.
      until = clock() + AFTER_FAILURE
    }
    asking = undefined
    return standing
  }
  const asked = () => {
    if (clock() < until) return Promise.resolve(standing)
    asking ??= ask()
    return asking
  }
  return {
    now() {
      void asked()
      return standing
    },
    asked,
    problem: () => standing.problem,
    forget() {
      standing = unknown
      until = 0
    },
  }
}

function standingOf(bytes: Uint8Array, own: number | undefined): Standing {
  const { storeDir, wantsMassQuery, priority = PRIORITY } = parseCacheInfo(bytes)
  const known = { priority: own ?? priority, wantsMassQuery, isKnown: true }
  if (storeDir === undefined || storeDir === STORE_DIR) return known
  const problem = `is a cache of the store ${printable(storeDir, 200)}, and not of ${STORE_DIR}`
  return { ...known, problem }
}
