/** Writes decisions into the log before they are answered, and keeps the log in order. */
import type { KeyPair } from '../crypto/secret-key.ts'
import type { DecisionSettings } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { appendLine } from './append.ts'
import { type Decision, LEDGER, printDecision, printLeftOut } from './line.ts'
import { DecisionMemory, type ToWrite } from './memory.ts'
import { logPlaces } from './places.ts'

/** The log that decisions are written to. */
export interface DecisionLog {
  readonly state: string
  readonly settings: DecisionSettings
  /** The key that signs the log's states, made when it is first needed. */
  key(): KeyPair
  /** The identity of that key, if there is one. */
  machine(): string | undefined
}

/** Of this process: one that lives on writes equal decisions once, and bounds each asker. */
const memories = new Map<string, DecisionMemory>()

function memoryOf(state: string): DecisionMemory {
  const memory = memories.get(state) ?? new DecisionMemory(logPlaces(state))
  memories.set(state, memory)
  return memory
}

/**
 * Writes decisions; they are on the disk when this resolves. Resolves to what went wrong, in words,
 * or undefined. Never rejects.
 */
export async function recordDecisions(
  log: DecisionLog,
  decisions: readonly Decision[],
): Promise<string | undefined> {
  const { state, settings } = log
  if (settings.log === 'off' || decisions.length === 0) return undefined
  const memory = memoryOf(state)
  let write: ToWrite = { decisions: [], leftOut: [] }
  try {
    write = memory.take(decisions, settings.size)
    let isFoldable = false
    const append = (print: Parameters<typeof appendLine>[1], isDurable: boolean) => {
      isFoldable = appendLine(state, print, { isDurable, machine: log.machine() }).isFoldable || isFoldable
    }
    for (const decision of write.decisions)
      append(
        place => printDecision(place, decision),
        decision.ground !== LEDGER && decision.times === undefined,
      )
    for (const one of write.leftOut) append(place => printLeftOut(place, one), false)
    if (settings.journal && write.decisions.length > 0) {
      const { tellJournal } = await import('./journal.ts')
      await tellJournal(write.decisions)
    }
    return isFoldable ? await keepInOrder(log) : undefined
  } catch (error) {
    memory.forget(write.decisions)
    return printable((error as Error).message)
  }
}

/** Folds lines, signs the state of the log, and keeps it below its size. */
async function keepInOrder({ state, settings, key }: DecisionLog): Promise<string | undefined> {
  const { foldSegments } = await import('./fold.ts')
  if (foldSegments(state).length === 0) return undefined
  const { keepCheckpoint } = await import('./checkpoint.ts')
  const { limitSize } = await import('./limit.ts')
  limitSize(state, settings.size)
  const { noteSize } = await import('./budgets.ts')
  noteSize(logPlaces(state), settings.size)
  try {
    keepCheckpoint(state, key(), settings.checkpointsTo)
    return undefined
  } catch (error) {
    // The decision is written, and the next checkpoint covers it too.
    if (settings.log === 'required') return printable((error as Error).message)
    return undefined
  }
}
