/** What setup, unsetup, enforce and warn say. */
import { advisoriesOn, namesOf } from '../formats/nix/advisories.ts'
import { versionOfNix } from '../formats/nix/nix-version.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import type { GateReload } from '../setup/announce-policy.ts'
import { describeStep, type ShownLine } from '../setup/describe.ts'
import type { Step } from '../setup/step.ts'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import { isUsualSetting } from './command.ts'
import type { Status } from './exit-status.ts'
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

/**
 * Throws UsageError unless root runs this command, about the machine's own policy and state if it
 * can name others (`places`).
 */
export function assertOwnMachine(command: string, places: Places = DEFAULT_PLACES): void {
  if (process.geteuid?.() !== 0)
    throw new UsageError(
      `only root can run nixsig ${command}: it changes how Nix works for everybody; next: call it ${BY_ROOT}`,
    )
  if (!isUsualSetting(places))
    throw new UsageError(
      `nixsig ${command} works on this machine's own policy and state: leave out --policy, --state and --attestations`,
    )
}

/**
 * Says whether a gate that runs took the new policy; the status of the command. Where it hangs the
 * program ends here: it would wait for the answer otherwise.
 */
export function saySettled(settled: GateReload | undefined, terminal: Terminal): Status {
  const why = whyNot(settled)
  if (why === undefined) return 0
  terminal.note(`nixsig: the policy is in force, but the gate that runs did not say that it took it: ${why}`)
  if (settled?.kind === 'hangs') process.exit(2)
  return 2
}

function whyNot(settled: GateReload | undefined): string | undefined {
  if (settled?.kind === 'hangs') return 'it does not answer; restart it'
  return settled?.kind === 'not-reloaded' ? settled.why : undefined
}

/**
 * What setup says of published faults of the Nix on this machine, a sentence each without an end.
 * `line`: what `nix --version` prints, or undefined where it could not be asked.
 */
export function advisoryNotes(line: string | undefined): readonly string[] {
  const version = line === undefined ? undefined : versionOfNix(line)
  if (version === undefined) return []
  const notes = advisoriesOn(version).map(advisory => {
    const [name = advisory.id] = namesOf(advisory)
    return `${name}: ${advisory.what} (${MEANS[advisory.nixsig]}: ${advisory.how})`
  })
  if (notes.length === 0) return []
  const number = version.join('.')
  return [
    `by its number this Nix (${number}) has published faults; your distribution may have mended them: nixsig doctor`,
    ...notes,
  ]
}

const MEANS = {
  blunts: 'nixsig blunts it',
  narrows: 'nixsig leaves less of it',
  cannot: 'nixsig cannot help',
} as const
