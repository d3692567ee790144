// What is bundled keeps the notices that its licences ask for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { licencesOf } from '../../tools/licences.mjs'

test('LICENSES.txt has the notice of each package that is bundled, each text once', async () => {
  const text = await licencesOf(PROJECT_ROOT, ['src/cli/main.ts', 'src/page/main.ts'])
  const names = text.split('\n').flatMap(line => /^(\S+) \d+\.\S+ \(/.exec(line)?.[1] ?? [])
  for (const name of ['d3-hierarchy', 'sodium-native', 'yargs', 'execa', '@sigstore/verify', 'tuf-js'])
    assert.ok(names.includes(name), name)
  assert.ok(!names.includes('typescript'), 'what only builds or tests it is not there')
  assert.match(text, /Mike Bostock/)
  assert.match(text, /^libsodium \(ISC\)$/m)
  const parts = text.split(`\n${'-'.repeat(80)}\n\n`)
  assert.equal(new Set(parts).size, parts.length)
  assert.ok(parts.every(part => /permi|licen[cs]e/i.test(part)))
})
