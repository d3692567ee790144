import type { Verdict } from '../policy/verdict.ts'
import { paragraph } from '../policy/wording.ts'
import { takenOutLines } from '../quarantine/wording.ts'
import { asCommand, refusedByCommand } from '../verifier/command-decisions.ts'
import { finishWhatWasInterrupted } from '../verifier/interrupted.ts'
import type { Invocation, PlaceName } from './command.ts'
import { openReadableInquiry } from './readable-inquiry.ts'

/**
 * Finishes what hooks left that were killed. Tells on standard error what became of it; returns
 * what was refused.
 */
export async function finishInterrupted({
  terminal,
  places,
}: Invocation<PlaceName>): Promise<readonly Verdict[]> {
  const inquiry = asCommand(openReadableInquiry(places, { records: true }), terminal.warn)
  const outcomes = await finishWhatWasInterrupted(inquiry, 'all').finally(() => inquiry.close())
  const refused = outcomes.flatMap(({ refusals }) => refusals)
  await refusedByCommand(inquiry, refused, terminal.warn)
  for (const { admitted, refusals, taken } of outcomes) {
    for (const path of admitted)
      terminal.note(`finished: ${path} had been built but not judged; it is trusted`)
    for (const refusal of refusals) terminal.note(`finished: ${paragraph(refusal)}`)
    for (const line of takenOutLines(taken)) terminal.note(`  ${line}`)
  }
  return refused
}
