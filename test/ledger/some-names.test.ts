// Anybody can make some directories grow: only a bounded part of one is read, and every name gets
// its turn.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { someNames } from '../../src/ledger/some-names.ts'

const directory = mkdtempSync(join(tmpdir(), 'nixsig-names-'))
after(() => rmSync(directory, { recursive: true }))

function filled(name: string, count: number): string {
  const path = join(directory, name)
  mkdirSync(path)
  for (let index = 0; index < count; index++) writeFileSync(join(path, `name-${index}`), '')
  return path
}

test('a directory that is absent or empty has no names', () => {
  assert.deepEqual(someNames(join(directory, 'absent'), 4), [])
  assert.deepEqual(someNames(filled('empty', 0), 4), [])
})

test('a few names are all returned', () => {
  const names = someNames(filled('few', 4), 4)
  assert.deepEqual([...names].sort(), ['name-0', 'name-1', 'name-2', 'name-3'])
})

for (const count of [30, 1000, 5000]) {
  test(`of ${count} names no more than the given count are returned, and different ones each time`, () => {
    const path = filled(`of-${count}`, count)
    const told = new Set<string>()
    for (let time = 0; time < 50; time++) {
      const names = someNames(path, 4)
      assert.equal(new Set(names).size, 4)
      for (const name of names) told.add(name)
    }
    assert.ok(told.size > 16, `${told.size} names in 50 times`)
  })
}
