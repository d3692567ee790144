// docs/lists.md: its document is a list, its tables have every field and no other, and the tests that it
// and docs/how-to/rotate-keys.md name are there.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import glob from 'fast-glob'
import { parseList } from '../../src/formats/lists/document.ts'
import { keysOfList } from '../../src/lists/document/keys-of-list.ts'
import { policyOf } from '../policy/policies.ts'
import { blocksOf } from './markdown.ts'
import { completePolicy } from './policies.ts'

const PAGE = 'docs/lists.md'
const textOf = (file: string) => readFileSync(join(PROJECT_ROOT, file), 'utf8')
const example = blocksOf(PAGE).find(({ language }) => language === 'json')?.text ?? assert.fail()

/** The first cells of the table below the line that has this text. */
function firstCells(after: string): readonly string[] {
  const parts = textOf(PAGE).split(after)[1]?.split('\n\n') ?? []
  const rows = parts.find(part => part.startsWith('|'))?.split('\n') ?? []
  return rows.slice(2).map(row => /^\| `([a-z-]+)` \|/.exec(row)?.[1] ?? assert.fail(row))
}

test('the document is a list, and the rules that it suggests are rules', () => {
  const document = parseList(Buffer.from(example), 'list')
  const keys = keysOfList(document, path => assert.fail(path))
  assert.equal([...keys.values()].flat().length, 3)
  const own = `
[principals.zoe]
keys = ["zoe-1:O3ItuQsCbN3SNFM/Qym9sUejO7mnh+qQNSVIVCf4Q4I="]
[developers.libmd]
names = ["libmd-*"]
by = "zoe"
`
  assert.doesNotThrow(() => policyOf(completePolicy(`${document.rules}${own}`)))
})

test('the table has every field of a list, and so does that of an entry', () => {
  const fieldsIn = (text: string, where: string) =>
    [...(text.split(where)[1]?.split('others:')[0] ?? '').matchAll(/'([a-z-]+)'/g)].map(([, name]) => name)
  const list = fieldsIn(textOf('src/formats/lists/document.ts'), 'rootNode(')
  assert.deepEqual(new Set(firstCells('principals have, in whatever form')), new Set(list.slice(1)))
  const entry = fieldsIn(textOf('src/formats/lists/developers.ts'), 'function readEntry')
  assert.deepEqual(new Set(firstCells('An entry of `developers`:')), new Set(entry))
})

test('every attack that the page names is a test', () => {
  const tests = glob.sync('test/{lists,e2e}/**/*.test.ts', { cwd: PROJECT_ROOT }).map(textOf).join('\n')
  const named = [...textOf(PAGE).matchAll(/`(attack: [^`]+)`/g)].map(([, name = '']) => name)
  assert.ok(named.length >= 8)
  assert.deepEqual(
    named.filter(name => !tests.includes(`'${name}'`)),
    [],
  )
})

test('every test that answers NixOS/nix#14451 is there', () => {
  const section = textOf('docs/how-to/rotate-keys.md').split('point by point')[1] ?? assert.fail()
  const [header = '', , ...rows] = section.trim().split('\n\n')[0]?.split('\n') ?? []
  const [, usual = ''] = /`(test\/[^`]+)`/.exec(header) ?? []
  assert.ok(rows.length >= 8)
  for (const row of rows) {
    const [, cell = ''] = /\| ([^|]+) \|$/.exec(row) ?? []
    const [, file] = /^`(test\/[^`]+)`$/.exec(cell) ?? []
    if (file !== undefined) assert.ok(existsSync(join(PROJECT_ROOT, file)), row)
    else assert.ok(textOf(usual).includes(`nix#14451: ${cell}`), row)
  }
})
