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
 * Writes decisions; they are on the disk when this resolves. Resolves to why a line could not be
 * written, in words, or undefined. That lines which are written could not be folded or signed is not
 * told here, as nothing is refused for it. Never rejects.
 */
export async function recordDecisions(
  log: DecisionLog,
  decisions: readonly Decision[],
): Promise<string | undefined> {
  const { state, settings } = log
  if (settings.log === 'off' || decisions.length === 0) return undefined
  const memory = memoryOf(state)
  let write: ToWrite = { decisions: [], leftOut: [] }
  let isFoldable = false
  try {
    write = memory.take(decisions, settings.size)
    const append = (print: Parameters<typeof appendLine>[1], isDurable: boolean) => {
      isFoldable = appendLine(state, print, { isDurable, machine: log.machine() }).isFoldable || isFoldable
    }
    for (const decision of write.decisions)
      append(
        place => printDecision(place, decision),
        decision.ground !== LEDGER && decision.times === undefined,
      )
    for (const one of write.leftOut) append(place => printLeftOut(place, one), false)
  } catch (error) {
    memory.forget(write.decisions)
    return printable((error as Error).message)
  }
  await afterWriting(log, { decisions: write.decisions, isFoldable }).catch(() => {})
  return undefined
}

/** What goes wrong with a log that is written is noted for the doctor, and keeps nothing out. */
async function afterWriting(
  log: DecisionLog,
  { decisions, isFoldable }: { readonly decisions: readonly Decision[]; readonly isFoldable: boolean },
): Promise<void> {
  if (log.settings.journal && decisions.length > 0) {
    const { tellJournal } = await import('./journal.ts')
    await tellJournal(decisions)
  }
  if (!isFoldable) return
  const { keepInOrder } = await import('./keep-order.ts')
  keepInOrder(log, 'in time')
}
