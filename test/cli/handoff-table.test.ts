// The table of a hand-off: on narrow screens, with wide characters, and without passwords.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textWidth } from '../../src/cli/columns.ts'
import { sayTable, tableJson } from '../../src/cli/handoff-table.ts'
import { openTerminal } from '../../src/cli/terminal.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import type { CheckedSource } from '../../src/packaging/handoff/checked-source.ts'

const PATH = parseStorePath(`/nix/store/${'a'.repeat(32)}-a-rather-long-name-of-a-release-1.0.4.tar.xz`)

const CHECKED: CheckedSource = {
  source: { path: PATH, kind: 'fetched-source', urls: [], declared: [] },
  state: 'signed',
  status: 0,
  found: {
    origin: 'https://user:SECRET@example.org/名前-signature-of-a-release-1.0.4.tar.xz.minisig?token=SECRET',
    kind: 'minisign',
    signature: Buffer.alloc(0),
  },
  results: [],
  asked: ['https://user:SECRET@example.org/x.asc', 'https://example.org/\u001b[31m.sig'],
  notes: [
    'signed by somebody whose name and remarks take more than one line of eighty columns, 署名者の名前',
  ],
}

function table(width: number | undefined, asked: boolean): readonly string[] {
  const lines: string[] = []
  const terminal = {
    ...openTerminal({ colour: false }),
    print: (text: string) => lines.push(...text.split('\n')),
  }
  sayTable(terminal, [CHECKED], { asked, width })
  return lines
}

test('every line fits, whatever the width, and nothing is cut', () => {
  for (const width of [60, 80, 120, 200]) {
    const lines = table(width, true)
    for (const line of lines) assert.ok(textWidth(line) <= width, `${width}: ${line}`)
    const text = lines.join('').replace(/\s/g, '')
    assert.match(text, /署名者の名前/)
    if (width === 200)
      assert.match(
        lines.join('\n'),
        /a-rather-long-name-of-a-release-1\.0\.4\.tar\.xz {2}\S+\.minisig.* {2}good$/m,
      )
  }
})

test('addresses are listed only if asked for, escaped and without passwords', () => {
  assert.doesNotMatch(table(undefined, false).join('\n'), /asked:/)
  const lines = table(undefined, true)
  assert.ok(lines.includes('  asked: https://example.org/x.asc'))
  assert.doesNotMatch(lines.join('\n') + tableJson([CHECKED]), /SECRET|\u001b/)
})
