/** What setup and unsetup say of a plan. */
import { describeStep, type ShownLine } from '../setup/describe.ts'
import type { Step } from '../setup/plan.ts'
import type { Places } from '../verifier/places.ts'
import { isUsualSetting } from './command.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** Prints what each step does, files with the lines that change. */
export function printSteps(steps: readonly Step[], terminal: Terminal): void {
  const paint = ({ mark, text }: ShownLine): string => {
    if (mark === '+') return terminal.good(`  + ${text}`)
    return mark === '-' ? terminal.bad(`  - ${text}`) : terminal.strong(text)
  }
  for (const step of steps) terminal.print(describeStep(step).map(paint).join('\n'))
}

/** Prints remarks on a plan to standard error. */
export function noteAll(notes: readonly string[], terminal: Terminal): void {
  for (const note of notes) terminal.note(`nixsig: note: ${note}`)
}

/** Throws UsageError unless root runs this command, about the machine's own policy and state. */
export function assertOwnMachine(command: string, places: Places): void {
  if (process.geteuid?.() !== 0)
    throw new UsageError(`nixsig ${command} is root's: it changes how Nix works for everybody`)
  if (!isUsualSetting(places)) throw new UsageError(`${command} has the machine's own places, and no others`)
}
