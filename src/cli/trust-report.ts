/** What changes in a list, and what would fall, in words and as JSON. */
import type { TufRoot } from '../formats/lists/tuf-signed.ts'
import type { ListChange, ListDifference } from '../lists/subscribe/difference.ts'
import type { OtherDevelopers } from '../lists/subscribe/other-developers.ts'
import type { Entry } from '../lists/subscribe/people.ts'
import { list, when, word } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'
import type { Comparison } from '../reach/compare.ts'
import { SIGN } from './list-report.ts'
import { comparisonJson, sayComparison } from './reach-report.ts'
import type { Terminal } from './terminal.ts'

/** Changes that are told one by one; `--json` has all. */
const TOLD = 200
const NAMES = 8

/** Says what changes: first of all which sources get other developers. */
export function sayDifference(terminal: Terminal, difference: ListDifference): void {
  const { developers, changes, lapsed } = difference
  for (const other of developers.others.slice(0, TOLD))
    terminal.print(terminal.bad(otherWords(other)), 'refusal')
  if (developers.others.length > TOLD)
    terminal.print(
      terminal.bad(`  and ${developers.others.length - TOLD} more get other developers`),
      'refusal',
    )
  if (!developers.isWhole)
    terminal.print(
      terminal.bad('  there is too much to compare: more sources may get other developers'),
      'refusal',
    )
  for (const change of changes.slice(0, TOLD)) terminal.print(`  ${changeWords(change)}`)
  if (changes.length > TOLD) terminal.print(`  and ${changes.length - TOLD} more: --json names them`)
  for (const [team, why] of lapsed)
    terminal.print(`  the team ${word(team)} counts for nothing: ${printable(why, 300)}`)
}

function otherWords({ names, before, after, keys }: OtherDevelopers): string {
  const whose = `sources ${word(names)} (${word(before.name)}${after.name === before.name ? '' : ` and ${word(after.name)}`})`
  if (keys.length === 0)
    return `! ANOTHER DEVELOPER: ${whose}: ${after.needed} of ${whoWords(after)} would be enough, and ${before.needed} were needed`
  const others = keys.map(key => word(key))
  if (whoWords(before) === whoWords(after))
    return `! ANOTHER DEVELOPER: ${whose}: ${whoWords(after)} would sign for them with a key that was not theirs before: ${list(others, NAMES)}`
  return `! ANOTHER DEVELOPER: ${whose}: ${whoWords(before)} signed for them, and ${whoWords(after)} would, with ${list(others, NAMES)}`
}

function whoWords({ by }: Entry): string {
  return list(by.map(word), NAMES)
}

function changeWords({ kind, part, name, says }: ListChange): string {
  const sign = part === 'revocation' && kind === 'added' ? 'revoked:' : `${SIGN[kind]} ${printable(part, 60)}`
  return `${sign}${name === '' ? '' : ` ${printable(name, 200)}`} ${printable(says, 1000)}`
}

/** Who keeps each role, a line each. */
export function keeperLines({ roles }: Pick<TufRoot, 'roles'>): readonly string[] {
  return Object.entries(roles).map(
    ([role, { keyids, threshold }]) =>
      `  ${role}: ${threshold} of ${keyids.map(id => id.slice(0, 16)).join(', ')}`,
  )
}

/** Says who keeps a list from now on, if a new root says something else than the one before. */
export function sayKeepers(
  terminal: Terminal,
  name: string,
  { before, after }: { readonly before: TufRoot | undefined; readonly after: TufRoot | undefined },
): void {
  if (before === undefined || after === undefined) return
  const lines = keeperLines(after)
  if (lines.join() === keeperLines(before).join()) return
  terminal.print(
    terminal.strong(
      `${name}: others keep it from now on, as its keepers signed in root version ${after.version}:`,
    ),
  )
  for (const line of lines) terminal.print(line)
}

/** Says what would fall, in lines; a line if nothing would. */
export function sayFalls(terminal: Terminal, comparison: Comparison | undefined): void {
  if (comparison === undefined) {
    terminal.note('nixsig: what would fall could not be told')
    return
  }
  const { admitted, falls, rises, untold } = comparison
  const told = untold.length > 0 ? `; ${counted(untold.length, 'path')} could not be told` : ''
  terminal.print(
    `  of ${counted(admitted, 'admitted path')} ${falls.length === 0 ? 'none' : falls.length} would fall; ${rises.length} would rise${told}`,
  )
  sayComparison(terminal, comparison, new Map())
}

/** Fields of JSON. Times in seconds since 1970. */
export function differenceJson({ from, to, developers, changes, lapsed }: ListDifference): object {
  return {
    from: from === 0 ? null : from,
    to,
    other_developers: developers.others.map(({ names, before, after, keys }) => ({
      names,
      before: entryJson(before),
      after: entryJson(after),
      keys,
    })),
    other_developers_complete: developers.isWhole,
    changes: changes.map(({ kind, part, name, says }) => ({
      kind,
      part,
      name: name === '' ? null : name,
      says,
    })),
    lapsed_teams: [...lapsed].map(([team, detail]) => ({ team, detail })),
  }
}

function entryJson({ name, by, needed }: Entry): object {
  return { name, by, needed }
}

/** What would fall, or null where that is not known. */
export function fallsJson(comparison: Comparison | undefined): object | null {
  return comparison === undefined ? null : comparisonJson(comparison, new Map())
}

/** `counts until 2027-01-30 (60 days)`, or since when it ended. */
export function endWords(ends: number, now: number): string {
  if (ends <= now) return `ended ${when(ends)}`
  return `counts until ${when(ends)} (${counted(Math.floor((ends - now) / 86_400), 'day')})`
}

/** `3 days ago`. */
export function ageWords(seen: number, now: number): string {
  const days = Math.floor((now - seen) / 86_400)
  if (days < 0) return `in the future (${when(seen)}): this machine's clock was ahead`
  return days === 0 ? 'today' : `${counted(days, 'day')} ago`
}
