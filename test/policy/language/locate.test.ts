import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { locate, type TomlPath } from '../../../src/policy/language/locate.ts'
import { cpuTime } from '../../support/cpu-time.ts'

// In these documents every value is the number of its own line.
const DOCUMENT = `
# a comment with = and [brackets] and "quotes
top = 3
dotted.key."quoted.part" = 4
[table] # [not.this]
x = 6
"key with \\"escapes\\" = [" = 7
'literal \\' = 8

[table.sub]
list = [ 11, # ]
  12, "a # b", 'c ] d',
  [ 13,
    14 ],
  { line = 15, more = { deep = 15 } },
]
basic = """
x = 99 " "" \\""" [y]
""""
after-basic = 20
literal = '''
x = 99 ' '' [y] \\'''
after-literal = 23
empty = ""
after-empty = 25
[[items]]
x = 27
[items.child]
x = 29
[[items.nested]]
x = 31
[[items.nested]]
x = 33
[[items]]
x = 35
nested = [ { x = 36 } ]
date = 2026-01-01 00:00:00Z
after-date = 38
`

function numbersIn(value: unknown, path: TomlPath): readonly (readonly [TomlPath, number])[] {
  if (typeof value === 'number') return [[path, value]]
  if (Array.isArray(value)) return value.flatMap((item, index) => numbersIn(item, [...path, index]))
  if (typeof value !== 'object' || value === null || value instanceof Date) return []
  return Object.entries(value).flatMap(([key, item]) => numbersIn(item, [...path, key]))
}

for (const [ending, text] of [
  ['LF', DOCUMENT],
  ['CR LF', DOCUMENT.replaceAll('\n', '\r\n')],
] as const) {
  test(`every number of a document with ${ending} is found on its line, at its place`, () => {
    const find = locate(text)
    const numbers = numbersIn(parse(text), [])
    assert.equal(numbers.length, 21)
    for (const [path, line] of numbers) {
      const position = find(path)
      assert.equal(position.line, line, JSON.stringify(path))
      assert.ok(text.startsWith(String(line), position.offset), JSON.stringify(path))
    }
  })
}

test('tables and lists have the position of their first header', () => {
  const find = locate(DOCUMENT)
  assert.equal(find(['table']).line, 5)
  assert.equal(find(['table', 'sub']).line, 10)
  assert.equal(find(['items']).line, 26)
  assert.equal(find(['items', 0, 'nested']).line, 30)
  assert.equal(find(['items', 0, 'nested', 1]).line, 32)
  assert.equal(find(['items', 1]).line, 34)
})

test('a path that is not in the text has the position of its table', () => {
  const find = locate(DOCUMENT)
  assert.equal(find(['items', 1, 'missing']).line, 34)
  assert.equal(find(['nowhere']).line, 1)
  assert.equal(find([]).line, 1)
})

test('a key of a hundred thousand parts takes linear time', () => {
  const deep = `a${'.a'.repeat(100_000)}`
  const started = cpuTime()
  for (const document of [
    `\n${deep} = 1`,
    `\n[${deep}]\nb = 1`,
    `\nx = { ${deep} = 1 }`,
    `\n[${deep}]\n${'b = 1\n'.repeat(50_000)}`,
    `\n${deep} = { ${'b = 1, '.repeat(50_000)} c = 1 }`,
    `\n${deep} = [ ${'1, '.repeat(50_000)} ]`,
  ]) {
    const find = locate(document)
    const path = Array.from({ length: 100_000 }, () => 'a')
    assert.equal(find(path).line, document.includes('x =') ? 1 : 2)
    assert.equal(find(['x', ...path]).line, document.includes('x =') ? 2 : 1)
  }
  assert.ok(cpuTime() - started < 5000)
})
