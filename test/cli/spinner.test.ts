import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { textWidth } from '../../src/cli/columns.ts'
import { openSpinner, spinnerLine } from '../../src/cli/spinner.ts'

test('the line of a spinner never reaches the end of the terminal', () => {
  const text = fc.string({ unit: fc.constantFrom('a', ' ', '日', '👍', 'e\u0301'), maxLength: 200 })
  fc.assert(
    fc.property(text, fc.integer({ min: 10, max: 120 }), (given, columns) => {
      assert.ok(textWidth(spinnerLine('|', given, columns)) < columns)
    }),
  )
})

test('a spinner shows nothing in the first second, turns after it, and leaves nothing behind', async () => {
  const written: string[] = []
  const spinner = openSpinner({ write: text => written.push(text), columns: 40 })
  spinner.show('building hello')
  await wait(600)
  assert.deepEqual(written, [])
  await wait(1000)
  assert.ok(new Set(written).size > 1, 'it turns')
  for (const text of written) assert.match(text, /^\r\u001b\[K[|/\\-] building hello$/)
  spinner.end()
  assert.equal(written.at(-1), '\r\u001b[K')
  const { length } = written
  await wait(300)
  assert.equal(written.length, length)
})
