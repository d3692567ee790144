import type { InputVerdict } from '../expressions/lock/input-verdict.ts'
import type { ExitCode } from '../policy/exit-code.ts'
import { printable } from '../primitives/printable.ts'
import { joined, layOut, outputWidth } from './columns.ts'
import { mostSevere } from './exit-status.ts'
import type { Terminal } from './terminal.ts'

const COLUMN_LIMIT = 60
const NAMES = 4

/** The exit status of one input: that of its most severe finding. */
export function inputStatus({ findings }: InputVerdict): ExitCode {
  return mostSevere(findings.map(({ status }) => status))
}

/** One line for each input under a heading, and below it what was found. */
export function sayInputs(terminal: Terminal, verdicts: readonly InputVerdict[]): void {
  const rows = [['input', 'commit', 'signed by', 'verdict'], ...verdicts.map(cellsOf)]
  const [heading = [], ...laid] = layOut(rows, outputWidth())
  for (const cells of heading) terminal.print(terminal.strong(joined(cells)))
  for (const [index, verdict] of verdicts.entries()) {
    const paint = verdict.findings.length === 0 ? terminal.good : terminal.bad
    for (const cells of laid[index] ?? [])
      terminal.print(joined([...cells.slice(0, -1), paint((cells.at(-1) ?? '').trimEnd())]))
    for (const { message } of verdict.findings) terminal.print(`  ${placeOf(verdict)}: ${message}`)
    for (const note of verdict.notes) terminal.print(terminal.faint(`  ${note}`))
  }
}

/** How many of them passed, to standard error. */
export function sayPassed(terminal: Terminal, verdicts: readonly InputVerdict[]): void {
  const passed = verdicts.filter(({ findings }) => findings.length === 0).length
  terminal.note(`${passed} of ${verdicts.length} passed`)
}

function placeOf({ file, line, input, url }: InputVerdict): string {
  return `${file}:${line}: ${input}${url === '' ? '' : ` (${printable(url, 120)})`}`
}

function cellsOf({ input, commit, revision, findings }: InputVerdict): readonly string[] {
  const people = [...new Set((revision?.signatures ?? []).map(({ principal }) => principal))]
  const more = people.length > NAMES ? `, ${people.length - NAMES} more` : ''
  const signers = people.slice(0, NAMES).join(', ') + more
  const cells = [input, commit?.slice(0, 12) ?? '-', signers || '-', findings[0]?.code ?? 'trusted']
  return cells.map(cell => printable(cell, COLUMN_LIMIT))
}
