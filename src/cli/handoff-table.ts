import { shownUrl } from '../http/shown-url.ts'
import type { CheckedSource, SourceState } from '../packaging/handoff/checked-source.ts'
import { usersOf } from '../packaging/key-names.ts'
import type { Key } from '../policy/policy.ts'
import { word } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import { joined, layOut, outputWidth, wrapText } from './columns.ts'
import type { Terminal } from './terminal.ts'

/** Characters of a cell. */
const CELL_LIMIT = 200
const INDENT = '  '

/** How the table is printed: `asked` adds each address that was asked for a signature. */
export interface TableOptions {
  readonly asked: boolean
  /** Cells of the terminal; undefined where nothing has to fit. */
  readonly width?: number | undefined
}

/** What was found of each source, a row each under a heading, with what there is to add below. */
export function sayTable(
  terminal: Terminal,
  checked: readonly CheckedSource[],
  { asked, width = outputWidth() }: TableOptions,
): void {
  const rows = [['source', 'signature', 'kind', 'signer', 'verdict'], ...checked.map(cellsOf)]
  const [heading = [], ...laidOut] = layOut(rows, width)
  for (const line of heading) terminal.print(terminal.strong(joined(line)))
  for (const [index, each] of checked.entries()) {
    const paint = paintFor(terminal, each.state)
    for (const line of laidOut[index] ?? []) {
      const verdict = (line.at(-1) ?? '').trimEnd()
      terminal.print(joined([...line.slice(0, -1), verdict === '' ? '' : paint(verdict)]))
    }
    const remarks = [...each.notes, ...(asked ? each.asked.map(url => `asked: ${shownUrl(url)}`) : [])]
    for (const remark of remarks) {
      const lines = width === undefined ? [remark] : wrapText(remark, width - INDENT.length)
      for (const line of lines) terminal.print(terminal.faint(`${INDENT}${line}`))
    }
  }
}

/** The table as JSON for scripts: an object for each source (docs/schemas/handoff.schema.json). */
export function tableJson(checked: readonly CheckedSource[]): string {
  const rows = checked.map(({ source, state, status, found, revision, results, notes, asked }) => {
    const good = goodKeys(results)
    return {
      path: source.path.path,
      kind: source.kind,
      state,
      status,
      signature: found
        ? { origin: shownUrl(found.origin), kind: found.kind }
        : revision
          ? { origin: printable(revision.title), kind: 'git' }
          : null,
      signers: good.map(({ identity }) => identity),
      signedBy: good.map(key => ({ key: key.identity, label: word(key.label), users: usersOf(key) })),
      notes,
      asked: asked.map(shownUrl),
    }
  })
  return JSON.stringify(rows, null, 2)
}

function goodKeys(results: CheckedSource['results']): readonly Key[] {
  return results.filter(({ outcome }) => outcome === 'good').map(({ key }) => key)
}

function cellsOf({ source, state, found, revision, results }: CheckedSource): readonly string[] {
  const [good] = goodKeys(results)
  const origin =
    (found && shownUrl(found.origin).split('/').at(-1)) ?? (revision && word(revision.title)) ?? '-'
  const signer = good === undefined ? '-' : word(good.label)
  const kind = found?.kind ?? (revision && 'git') ?? '-'
  return [printable(source.path.name, CELL_LIMIT), origin, kind, signer, WORDS[state]]
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
