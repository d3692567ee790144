// The help of every command fits a terminal of 80 columns, and shows what is its own first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textWidth } from '../../src/cli/columns.ts'
import { COMMANDS, GROUPS } from '../../src/cli/commands.ts'
import { commandHelp, generalHelp, groupHelp } from '../../src/cli/help.ts'

/** What is printed in a terminal that is so wide. */
function at<T>(columns: number, print: () => T): T {
  const before = Object.getOwnPropertyDescriptor(process.stdout, 'columns')
  Object.defineProperty(process.stdout, 'columns', { value: columns, configurable: true })
  try {
    return print()
  } finally {
    if (before === undefined) Reflect.deleteProperty(process.stdout, 'columns')
    else Object.defineProperty(process.stdout, 'columns', before)
  }
}

function assertFits(help: string, columns: number): void {
  for (const line of help.split('\n')) assert.ok(textWidth(line) <= columns, line)
}

for (const columns of [80, 100, 200]) {
  test(`nothing in the help is wider than a terminal of ${columns} columns`, async () => {
    assertFits(
      at(columns, () => generalHelp()),
      columns,
    )
    for (const group of Object.keys(GROUPS)) {
      assertFits(
        at(columns, () => groupHelp(group)),
        columns,
      )
    }
    for (const entry of COMMANDS) {
      const command = await entry.load()
      assertFits(
        at(columns, () => commandHelp(entry, command)),
        columns,
      )
    }
  })
}

test("a command's own options come first, then the general ones, and only where they have an effect", async () => {
  for (const entry of COMMANDS) {
    const command = await entry.load()
    const help = commandHelp(entry, command)
    const general = help.indexOf('\nGeneral options:')
    assert.ok(general > 0)
    for (const key of Object.keys(command.options))
      assert.ok(help.indexOf(`--${key}`) < general, `${entry.name} --${key}`)
    assert.ok(!help.includes('--version'))
  }
})
