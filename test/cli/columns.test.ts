import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { joined, layOut, padded, textWidth, wrapText } from '../../src/cli/columns.ts'

test('wide characters take two cells, combining ones and colours none', () => {
  assert.equal(textWidth('hello'), 5)
  assert.equal(textWidth('日本'), 4)
  assert.equal(textWidth('e\u0301te\u0301'), 3)
  assert.equal(textWidth('👩‍🚀'), 2)
  assert.equal(textWidth('\u001b[32mgood\u001b[39m'), 4)
  assert.equal(padded('日本', 6), '日本  ')
})

const word = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '-', '日', 'e\u0301', '👍', 'ｱ'), maxLength: 12 }),
  fc.constantFrom('', ' '),
)
const text = fc.array(word, { maxLength: 6 }).map(words => words.join(' '))

test('wrapped lines fit, and lose nothing but the spaces at which they are broken', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 30 }), (given, width) => {
      const lines = wrapText(given, width)
      for (const line of lines) assert.ok(textWidth(line) <= width, line)
      assert.equal(lines.join('').replaceAll(' ', ''), given.replaceAll(' ', ''))
    }),
    { numRuns: 2_000 },
  )
})

test('a table fits every terminal that has room for its columns, and each column stands in one place', () => {
  const rows = fc
    .integer({ min: 1, max: 5 })
    .chain(count =>
      fc.array(fc.array(text, { minLength: count, maxLength: count }), { minLength: 1, maxLength: 5 }),
    )
  fc.assert(
    fc.property(rows, fc.integer({ min: 50, max: 120 }), (table, width) => {
      const laid = layOut(table, width)
      assert.equal(laid.length, table.length)
      const first = laid[0]?.[0]?.map(textWidth)
      for (const line of laid.flat()) {
        assert.deepEqual(line.map(textWidth), first)
        assert.ok(textWidth(joined(line)) <= width)
      }
      for (const [index, row] of table.entries()) {
        for (const [column, cell] of row.entries()) {
          const shown = (laid[index] ?? []).map(line => line[column]).join('')
          assert.equal(shown.replaceAll(' ', ''), cell.replaceAll(' ', ''))
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('where nothing has to fit, nothing is wrapped', () => {
  const long = 'x'.repeat(300)
  assert.deepEqual(layOut([['a', long]], undefined), [[['a', long]]])
})
