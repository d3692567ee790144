/** What `nixsig adopt` says when it is done. */
import { CAUSES, type Cause } from '../adopt/cause.ts'
import { CAUSE_WORDS } from '../adopt/cause-words.ts'
import { type Estimate, spanWords } from '../adopt/estimate.ts'
import { type Exempting, exemptionsNix, exemptionsToml } from '../adopt/exemptions.ts'
import type { Decided, Outcome } from '../adopt/run.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'

/** Paths of one group that are named. */
const NAMED = 20

/** How many members of the closure came to what. */
export function countsOf(decided: readonly Decided[]): Readonly<Record<Outcome['kind'], number>> {
  const counts = { admitted: 0, vouched: 0, rebuilt: 0, 'to-rebuild': 0, left: 0 }
  for (const { isMember, outcome } of decided) if (isMember) counts[outcome.kind]++
  return counts
}

/** Each cause once, with how many paths of the closure it keeps from being adopted. */
export function causesIn(decided: readonly Decided[]): ReadonlyMap<string, { cause: Cause; keeps: number }> {
  const found = new Map<string, { cause: Cause; keeps: number }>()
  for (const { isMember, outcome } of decided) {
    if (outcome.kind !== 'left') continue
    for (const cause of outcome.causes) {
      const key = `${cause.code} ${cause.path}`
      const known = found.get(key) ?? { cause, keeps: 0 }
      found.set(key, { cause, keeps: known.keeps + (isMember ? 1 : 0) })
    }
  }
  return found
}

/** The sums, in one line or two. */
export function saySums(terminal: Terminal, decided: readonly Decided[], dry: boolean): void {
  const counts = countsOf(decided)
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const good = total - counts.left
  const parts = [
    `${counts.admitted} admitted before`,
    `${counts.vouched} vouched for`,
    dry ? `${counts['to-rebuild']} to be built again` : `${counts.rebuilt} built again and the same`,
  ]
  const verb = dry ? 'would be adopted' : 'adopted'
  const paint = counts.left === 0 ? terminal.good : terminal.doubtful
  terminal.print(`${paint(verb)}: ${good} of ${counted(total, 'path')} (${parts.join(', ')})`)
  if (counts.left > 0) terminal.print(`${terminal.bad('left')}: ${counted(counts.left, 'path')}`)
}

/** The causes, grouped, each group with its one next step. */
export function sayCauses(terminal: Terminal, decided: readonly Decided[]): void {
  const causes = [...causesIn(decided).values()]
  for (const code of CAUSES) {
    const group = causes.filter(({ cause }) => cause.code === code)
    if (group.length === 0) continue
    const { title, next } = CAUSE_WORDS[code]
    terminal.print(`\n${terminal.strong(title)} (${group.length}):`)
    for (const { cause, keeps } of group.slice(0, NAMED)) {
      const rest = keeps > 1 ? ` [keeps ${counted(keeps, 'path')} back]` : ''
      terminal.print(`  ${printable(cause.path)}${rest}\n    ${cause.detail}`)
    }
    if (group.length > NAMED) terminal.print(`  and ${group.length - NAMED} more: --json names them`)
    terminal.print(`  next: ${next}`)
  }
}

/** The exemptions, for whoever wants them: as the policy has them, or as NixOS does. */
export function sayExemptions(
  terminal: Terminal,
  exemptions: readonly Exempting[],
  form: 'toml' | 'nix',
): void {
  if (exemptions.length === 0) return
  const where =
    form === 'nix' ? 'the configuration of this system' : 'the policy, or call again with --exempt'
  terminal.print(
    `\nWhat an exemption would let pass until it ends; put the ones that you accept into ${where}:`,
  )
  terminal.print((form === 'nix' ? `\n${exemptionsNix(exemptions)}` : exemptionsToml(exemptions)).trimEnd())
}

/** The time that adopting takes, and how that was found out. */
export function sayEstimate(terminal: Terminal, { seconds, known, unknown, assumed }: Estimate): void {
  const builds = known + unknown
  const from =
    unknown === 0
      ? 'each as long as it took here before, by the log that Nix kept'
      : assumed === undefined
        ? 'of none of them is known how long it takes, so only the hashing is counted'
        : `${known} as long as they took here before, by the logs that Nix kept; the others ${spanWords(assumed)} each, the median of those`
  const building = builds === 0 ? 'nothing is built' : `${counted(builds, 'build')}, one at a time: ${from}`
  terminal.print(`time: about ${spanWords(seconds)} (everything is hashed; ${building})`)
}
