import { shownUrl } from '../http/shown-url.ts'
import type { CheckedSource, SourceState } from '../packaging/handoff/checked-source.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'

const COLUMN_LIMIT = 48

/** What was found of each source, a line each under a heading, with what there is to add below. */
export function sayTable(terminal: Terminal, checked: readonly CheckedSource[]): void {
  const rows = [['source', 'signature', 'kind', 'signer', 'verdict'], ...checked.map(cellsOf)]
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const [heading = [], ...lines] = rows.map(row =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)),
  )
  terminal.print(terminal.strong(heading.join('  ').trimEnd()))
  for (const [index, { state, notes }] of checked.entries()) {
    const cells = lines[index] ?? []
    const verdict = cells.at(-1) ?? ''
    terminal.print([...cells.slice(0, -1), paintFor(terminal, state)(verdict)].join('  '))
    for (const note of notes) terminal.print(terminal.faint(`  ${note}`))
  }
}

/** The table as JSON for scripts: an object for each source. */
export function tableJson(checked: readonly CheckedSource[]): string {
  const rows = checked.map(({ source, state, status, found, revision, results, notes }) => ({
    path: source.path.path,
    kind: source.kind,
    state,
    status,
    signature: found
      ? { origin: shownUrl(found.origin), kind: found.kind }
      : revision
        ? { origin: revision.title, kind: 'git' }
        : null,
    signers: results.filter(({ outcome }) => outcome === 'good').map(({ key }) => key.identity),
    notes,
  }))
  return JSON.stringify(rows, null, 2)
}

function cellsOf({ source, state, found, revision, results }: CheckedSource): readonly string[] {
  const good = results.find(({ outcome }) => outcome === 'good')
  const origin = (found && shownUrl(found.origin).split('/').at(-1)) ?? revision?.title ?? '-'
  const signer = good === undefined ? '-' : good.key.label
  return [source.path.name, origin, found?.kind ?? (revision && 'git') ?? '-', signer, WORDS[state]].map(
    cell => printable(cell, COLUMN_LIMIT),
  )
}

const WORDS: Readonly<Record<SourceState, string>> = {
  signature: 'is a signature itself',
  signed: 'good',
  doubtful: 'not by a key that counts',
  bad: 'BAD',
  unsigned: 'not signed',
  missing: 'not there',
}

function paintFor(terminal: Terminal, state: SourceState): (text: string) => string {
  if (state === 'signed' || state === 'signature') return terminal.good
  return state === 'unsigned' || state === 'doubtful' ? terminal.doubtful : terminal.bad
}
