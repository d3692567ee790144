import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { policyOf } from './policies.ts'

// The examples of docs/policy.md. Partial policies are completed first.
const REFERENCE = readFileSync(join(PROJECT_ROOT, 'docs/policy.md'), 'utf8')
const EXAMPLES = REFERENCE.split(/^## /m).flatMap(section => {
  const [title = ''] = section.split('\n', 1)
  return [...section.matchAll(/^```toml\n(.*?)^```$/gms)].map(([, toml = '']) => ({ title, toml }))
})

const PARTS = [
  '[principals.alice]\nkeys = ["alice-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU="]\n',
  '[principals.bob]\nkeys = ["KEY(bob-1)"]\n',
  '[principals.carol]\nkeys = ["KEY(carol-1)"]\n',
  '[groups.packagers]\nmembers = ["alice", "bob"]\nthreshold = 2\n',
  '[default]\nrequire = { source = "packagers", derivation = "packagers", output = "self" }\n',
]

function complete(example: string): string {
  if (example.startsWith('version = ')) return example
  const missing = PARTS.filter(part => !example.includes(part.slice(0, part.indexOf('\n'))))
  return `version = 1\nmode = "enforce"\n${missing.join('')}${example}`
}

for (const { title, toml } of EXAMPLES) {
  test(`the example of "${title}" in docs/policy.md is valid`, () => {
    assert.equal(policyOf(complete(toml)).mode, 'enforce')
  })
}

test('every section that shows an example was found', () => {
  assert.deepEqual(
    EXAMPLES.map(({ title }) => title),
    [
      'A small policy',
      'Attestations',
      'The gate',
      'How other machines are reached',
      'The store',
      'The decision log',
      'Principals',
      'Groups',
      'Lists',
      'Developers',
      'Quorums of logs',
      'Approvals',
      'Inputs',
      'Rules',
      'Rules',
      'Revocations',
      'Exemptions',
    ],
  )
})

test('every rule that a test cites is in docs/semantics.md, and every rule there has a test', () => {
  const semantics = readFileSync(join(PROJECT_ROOT, 'docs/semantics.md'), 'utf8')
  const rules = [...semantics.matchAll(/^\*\*(S\d+) /gm)].map(match => match[1])
  const tests = ['judge.test.ts', 'language/inputs.test.ts', 'lists/lists.test.ts', '../reach/lists.test.ts']
    .map(file => readFileSync(join(PROJECT_ROOT, 'test/policy', file), 'utf8'))
    .join('\n')
  const cited = new Set([...tests.matchAll(/^test\('(S\d+): /gm)].map(match => match[1]))
  assert.deepEqual(
    rules,
    Array.from({ length: 23 }, (_, index) => `S${index + 1}`),
  )
  assert.deepEqual(
    rules.filter(rule => !cited.has(rule)),
    [],
  )
})
