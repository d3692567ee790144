// Private files beside a file: containers that share a directory have the same process ids.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { isPartial } from '../../src/files/durable-file.ts'
import { partialName } from '../../src/files/partial-name.ts'

test('no two partial files have one name, although the process is the same', () => {
  const names = Array.from({ length: 10_000 }, () => partialName('/x'))
  assert.equal(new Set(names).size, names.length)
  for (const name of [...names, partialName('/x', '+')]) assert.ok(isPartial(name) && name.startsWith('/x.'))
  assert.match(partialName('/x', '+'), /\+~$/)
})

test('processes do not draw the same numbers', () => {
  const print = 'process.stdout.write(String(Math.random()))'
  const drawn = Array.from({ length: 5 }, () => spawnSync(process.execPath, ['-e', print]).stdout.toString())
  assert.equal(new Set(drawn).size, 5)
})
