/** What the resident process answered at which door, for its metrics. */
import type { HookQuestion } from '../formats/hook-question.ts'
import type { HookReply } from '../formats/hook-reply.ts'
import { letsPassWithWarning } from '../verifier/hook-answer.ts'

/** The doors by which something comes into the store and that ask this process. */
export type AskingDoor = 'before-build' | 'after-build' | 'gate' | 'plugin'

/**
 * `passed`: found trusted. `warned`: let in although it is not, as the mode or a respite has it.
 * `left`: not answered here, as where the hook has to decide itself.
 */
export type DoorOutcome = 'passed' | 'warned' | 'refused' | 'left'

/** The door at which a question was asked; undefined for one that is about nothing that comes in. */
export function doorOf({ kind }: HookQuestion): AskingDoor | undefined {
  if (kind === 'reload') return undefined
  if (kind === 'admit' || kind === 'built') return 'plugin'
  return kind === 'after-build' ? 'after-build' : 'before-build'
}

export function outcomeAt(door: AskingDoor, reply: HookReply): DoorOutcome {
  if (reply.outcome === 'refuse') return 'refused'
  if (reply.outcome !== 'pass') return 'left'
  // The plugin is told nothing else with what passes.
  const isWarned = door === 'plugin' ? reply.notice !== '' : letsPassWithWarning(reply)
  return isWarned ? 'warned' : 'passed'
}
