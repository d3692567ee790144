import type { Refusal } from '../src/policy/verdict.ts'
import { paragraph, sentence } from '../src/policy/wording.ts'

/** Refusals that are told one by one; of the others only the number. */
const TOLD = 3

/** Refusals in one line, for a channel that has no more. */
export function sentences(refusals: readonly Refusal[]): string {
  const more = refusals.length > TOLD ? [`and ${refusals.length - TOLD} more`] : []
  return [...refusals.slice(0, TOLD).map(sentence), ...more].join(' — ')
}

/** Refusals in full, and where the refused outputs are kept. */
export function paragraphs(refusals: readonly Refusal[], quarantined: readonly string[]): string {
  const kept = quarantined.map(id => `kept for inspection: nixsig quarantine show ${id}`)
  return [...refusals.map(paragraph), ...kept].join('\n')
}
