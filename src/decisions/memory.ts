/**
 * What a resident process remembers so that nobody fills the log: what it decided a moment ago, and
 * how much each asker has written. A process that lives for one answer remembers nothing.
 */
import type { Decision, LeftOut } from './line.ts'

/** Milliseconds in which an equal decision is counted and not written again. */
const EQUAL_MS = 60_000
/** How many decisions, and askers, are remembered. */
const REMEMBERED = 8192
const ASKERS = 4096
const DAY = 86_400_000
/** Each asker but root may write this part of the log's size at once, and as much again in a day. */
const SHARE = 16
/** About as many bytes as a line has. */
const LINE_BYTES = 600
/** Milliseconds between two lines that tell what an asker's budget left out. */
const TOLD_MS = 600_000

interface Told {
  readonly decision: Decision
  readonly at: number
  more: number
}

interface Budget {
  left: number
  at: number
  leftOut: number
  toldAt: number
}

/** What has to be written now. */
export interface ToWrite {
  readonly decisions: readonly Decision[]
  readonly leftOut: readonly LeftOut[]
}

/** Remembers for one log. */
export class DecisionMemory {
  readonly #told = new Map<string, Told>()
  readonly #budgets = new Map<string, Budget>()

  /** What is to be written of new decisions, with what earlier ones have left. `size`: the log's. */
  take(decisions: readonly Decision[], size: number, now = Date.now()): ToWrite {
    const write = this.#outdated(now)
    const leftOut: LeftOut[] = []
    for (const decision of decisions) {
      const key = keyOf(decision)
      const told = this.#told.get(key)
      if (told !== undefined) told.more++
      else if (this.#affords(decision, size, now)) {
        write.push(decision)
        this.#told.set(key, { decision, at: now, more: 0 })
      } else leftOut.push(...this.#leaveOut(decision, now))
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

  #affords({ asker }: Decision, size: number, now: number): boolean {
    if (asker === 'root') return true
    const share = size / SHARE
    const known = this.#budgets.get(asker) ?? { left: share, at: now, leftOut: 0, toldAt: 0 }
    const gained = (Math.max(0, now - known.at) / DAY) * share
    const left = Math.min(share, known.left + gained)
    const isEnough = left >= LINE_BYTES
    this.#budgets.delete(asker)
    this.#budgets.set(asker, { ...known, left: isEnough ? left - LINE_BYTES : left, at: now })
    const [oldest] = this.#budgets.keys()
    if (this.#budgets.size > ASKERS && oldest !== undefined) this.#budgets.delete(oldest)
    return isEnough
  }

  #leaveOut({ asker, door }: Decision, now: number): readonly LeftOut[] {
    const budget = this.#budgets.get(asker)
    if (budget === undefined) return []
    budget.leftOut++
    if (now - budget.toldAt < TOLD_MS) return []
    const { leftOut } = budget
    budget.leftOut = 0
    budget.toldAt = now
    return [{ door, asker, leftOut }]
  }
}

function keyOf({ door, asker, path, narHash, outcome, letIn, policy, mode }: Decision): string {
  return [door, asker, path, narHash, outcome, letIn, policy, mode].join(' ')
}
