import type { Refusal } from '../policy/verdict.ts'
import type { TakenOut } from '../quarantine/take-all-out.ts'

/** The result of judging the outputs of one build. */
export interface BuildOutcome {
  readonly admitted: readonly string[]
  readonly refusals: readonly Refusal[]
  /** The refused outputs that left the store; always empty in warn mode. */
  readonly taken: TakenOut
}
