/**
 * What has a line, so that nobody fills the log: a process that lives on remembers what it decided a
 * moment ago, and each asker has a budget.
 */
import { afford } from './budgets.ts'
import { type Decision, type LeftOut, NO_LINE, printDecision } from './line.ts'
import type { LogPlaces } from './places.ts'

/** Milliseconds in which an equal decision is counted and not written again. */
const EQUAL_MS = 60_000
/** How many decisions are remembered. */
const REMEMBERED = 8192
/** What a line has before its decision is at most this much longer than in line 0. */
const PLACE_BYTES = 32

interface Told {
  readonly decision: Decision
  readonly at: number
  more: number
}

/** What has to be written now. */
export interface ToWrite {
  readonly decisions: readonly Decision[]
  readonly leftOut: readonly LeftOut[]
}

/** Remembers for one log. */
export class DecisionMemory {
  readonly #told = new Map<string, Told>()
  readonly #places: LogPlaces

  constructor(places: LogPlaces) {
    this.#places = places
  }

  /**
   * What is to be written of new decisions, with what earlier ones have left. `size`: the log's.
   * Throws FileError.
   */
  take(decisions: readonly Decision[], size: number, now = Date.now()): ToWrite {
    const write: Decision[] = []
    const leftOut: LeftOut[] = []
    const add = (decision: Decision): boolean => {
      const afforded = this.#afford(decision, size, now)
      if (afforded === 'line') write.push(decision)
      else if (afforded !== 'nothing')
        leftOut.push({ ...afforded, door: decision.door, asker: decision.asker })
      return afforded === 'line'
    }
    for (const decision of this.#outdated(now)) add(decision)
    for (const decision of decisions) {
      const key = keyOf(decision)
      const told = this.#told.get(key)
      if (told !== undefined) told.more++
      else if (add(decision)) this.#told.set(key, { decision, at: now, more: 0 })
    }
    return { decisions: write, leftOut }
  }

  /** Has these written again, as they could not be written. */
  forget(decisions: readonly Decision[]): void {
    for (const decision of decisions) this.#told.delete(keyOf(decision))
  }

  /** Those that are no longer remembered, as far as they were decided again meanwhile. */
  #outdated(now: number): Decision[] {
    const repeated: Decision[] = []
    for (const [key, { decision, at, more }] of this.#told) {
      const isRecent = at <= now && now - at < EQUAL_MS
      if (isRecent && this.#told.size <= REMEMBERED) break
      this.#told.delete(key)
      if (more > 0) repeated.push({ ...decision, times: more })
    }
    return repeated
  }

  #afford(decision: Decision, size: number, now: number): ReturnType<typeof afford> {
    const { asker } = decision
    if (asker === 'root') return 'line'
    const bytes = printDecision({ number: 0, previous: NO_LINE, time: 0 }, decision).length + PLACE_BYTES
    return afford(this.#places, { asker, bytes, size, now })
  }
}

function keyOf({ door, asker, path, narHash, outcome, letIn, policy, mode }: Decision): string {
  return [door, asker, path, narHash, outcome, letIn, policy, mode].join(' ')
}
