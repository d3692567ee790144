/** What falls and rises under another policy, in words and as JSON. */
import { exitCode } from '../policy/exit-code.ts'
import { paragraph } from '../policy/wording.ts'
import { KIND_WORDS, pathWord } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import type { Changed, Comparison } from '../reach/compare.ts'
import type { Usage } from '../reach/usage.ts'
import type { Terminal } from './terminal.ts'

/** Paths that are told one by one; `--json` has all. */
const TOLD = 50
/** Referrers of one path that are told, and entries that cannot be read. */
const FEW = 5

const NEEDING = {
  system: 'a running system needs it',
  profile: 'a profile or a link in use needs it',
} as const

/** A path that falls, with the reason, and what refers to it if that is known. */
export function sayFalling(terminal: Terminal, changed: Changed, usage: Usage | undefined): void {
  const { path, kind, refusal } = changed
  const why = refusal === undefined ? ': by the record; there was no time to judge it' : ''
  terminal.print(`${terminal.bad('falls')} ${pathWord(path)} (${KIND_WORDS[kind]})${why}`)
  if (refusal !== undefined) terminal.print(indented(paragraph(refusal)))
  if (usage === undefined) return
  if (!usage.isHere) terminal.print('    it is not in the store now')
  if (usage.neededBy !== undefined) terminal.print(`    in use: ${NEEDING[usage.neededBy]}`)
  const { referrers } = usage
  if (referrers.length === 0) return
  terminal.print(
    `    ${counted(referrers.length, 'path')} in the store ${referrers.length === 1 ? 'refers' : 'refer'} to it:`,
  )
  for (const referrer of referrers.slice(0, FEW)) terminal.print(`      ${pathWord(referrer)}`)
  if (referrers.length > FEW) terminal.print(`      and ${referrers.length - FEW} more`)
}

/** All that changed, in lines. */
export function sayComparison(
  terminal: Terminal,
  { falls, rises }: Pick<Comparison, 'falls' | 'rises'>,
  usages: ReadonlyMap<string, Usage>,
): void {
  for (const changed of falls.slice(0, TOLD)) sayFalling(terminal, changed, usages.get(changed.path))
  if (falls.length > TOLD) terminal.print(`and ${falls.length - TOLD} more fall: --json names them`)
  for (const { path, kind, refusal } of rises.slice(0, TOLD)) {
    const why = refusal === undefined ? ': by the record; there was no time to judge it' : ''
    terminal.print(`${terminal.good('rises')} ${pathWord(path)} (${KIND_WORDS[kind]})${why}`)
  }
  if (rises.length > TOLD) terminal.print(`and ${rises.length - TOLD} more rise: --json names them`)
}

/** What could not be told, a line each on standard error. */
export function noteUntold(
  terminal: Terminal,
  { untold, unread, left, byRecord }: Comparison,
  all: boolean,
): void {
  if (all && byRecord > 0)
    terminal.note(
      `nixsig: ${counted(byRecord, 'path')} told by what the ledger recorded alone, for want of time; --seconds gives more`,
    )
  if (untold.length > 0) {
    const some = untold.slice(0, FEW).map(pathWord).join(', ')
    terminal.note(
      `nixsig: could not tell about ${counted(untold.length, 'path')}: ${some}${untold.length > FEW ? ' …' : ''}`,
    )
  }
  for (const problem of unread.slice(0, FEW)) terminal.note(`nixsig: ${problem}`)
  if (unread.length > FEW)
    terminal.note(`nixsig: and ${unread.length - FEW} more entries that cannot be read`)
  if (left > 0)
    terminal.note('nixsig: the ledger is too large to follow everything that was made of what falls')
}

/** The fields that `--json` prints of a comparison. Times in seconds. */
export function comparisonJson(
  { entries, admitted, falls, rises, untold, unread, byRecord }: Comparison,
  usages: ReadonlyMap<string, Usage>,
): object {
  return {
    entries,
    admitted,
    falls: falls.map(changed => changedJson(changed, usages.get(changed.path))),
    rises: rises.map(changed => changedJson(changed, undefined)),
    untold,
    by_record: byRecord,
    unreadable: unread,
  }
}

function changedJson({ path, kind, refusal }: Changed, usage: Usage | undefined): object {
  return {
    path,
    kind,
    judged: refusal !== undefined,
    status: refusal === undefined ? null : exitCode(refusal),
    message: refusal === undefined ? null : paragraph(refusal),
    in_store: usage?.isHere ?? null,
    referrers: usage?.referrers ?? null,
    needed_by: usage?.neededBy ?? null,
  }
}

function indented(text: string): string {
  return text
    .split('\n')
    .map(line => `    ${line}`)
    .join('\n')
}

/** How many paths rested on what is revoked, and how many fall, in words. */
export function restedWords({ rested, falls }: Comparison): string {
  const fallen = falls.length === 0 ? 'none falls' : `${counted(falls.length, 'path')} would fall`
  return `${counted(rested, 'admitted path')} rested on it; ${fallen}`
}
