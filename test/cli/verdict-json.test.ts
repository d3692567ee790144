import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mostSevere } from '../../src/cli/exit-status.ts'
import { verdictLine } from '../../src/explain/verdict-json.ts'
import type { Refusal, Trust } from '../../src/policy/verdict.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-x'

const need = { aspect: 'source', who: 'packagers', threshold: 2, of: 3 } as const
const refusal: Refusal = {
  outcome: 'untrusted',
  path: PATH,
  kind: 'fetched-source',
  ground: { kind: 'rule', title: 'default' },
  findings: [{ code: 'threshold', need, found: ['alice'] }],
}

test('a refused path has its findings, by code and in words', () => {
  assert.deepEqual(JSON.parse(verdictLine(refusal)), {
    path: PATH,
    kind: 'fetched-source',
    outcome: 'untrusted',
    status: 12,
    ground: 'rule',
    rule: 'default',
    findings: [{ code: 'threshold', message: 'needs 2 of 3 packagers for its source, found 1 (alice)' }],
    strays: [],
  })
})

test('a refused input names the input', () => {
  const input = {
    code: 'input',
    path: `${PATH}-input`,
    verdict: { ...refusal, path: `${PATH}-input` },
  } as const
  const { findings, status } = JSON.parse(verdictLine({ ...refusal, findings: [input] }))
  assert.equal(findings[0].path, `${PATH}-input`)
  assert.equal(status, 12)
})

test('a trusted path has its basis and its end', () => {
  const trust: Trust = {
    outcome: 'trusted',
    subject: {
      path: PATH,
      name: 'x',
      kind: 'output',
      narHash: '00'.repeat(32),
      builtHere: true,
    },
    rule: 'rule 1',
    basis: { kind: 'claims', claims: [], principals: ['self'] },
    strays: [],
    until: 1_800_000_000,
  }
  assert.deepEqual(JSON.parse(verdictLine(trust)), {
    path: PATH,
    kind: 'output',
    outcome: 'trusted',
    status: 0,
    ground: 'rule',
    rule: 'rule 1',
    basis: { kind: 'claims', principals: ['self'] },
    until: 1_800_000_000,
    findings: [],
    strays: [],
  })
})

test('what no rule decided has a ground and no rule', () => {
  const { ground, rule } = JSON.parse(verdictLine({ ...refusal, ground: { kind: 'references' } }))
  assert.deepEqual({ ground, rule }, { ground: 'references', rule: null })
})

test('attack: names that steer a terminal are escaped, and come back whole', () => {
  const rule = 'a\u001b[2J\u007f\u0085\u2028\u202e"\\\n😀'
  const line = verdictLine({ ...refusal, ground: { kind: 'rule', title: rule } })
  assert.match(line, /^[\x20-\x7e]+$/)
  assert.equal(JSON.parse(line).rule, rule)
})

test('of several statuses the most severe: 13, 14, 12, 11, 10, 20, 0', () => {
  assert.equal(mostSevere([]), 0)
  assert.equal(mostSevere([0, 20]), 20)
  assert.equal(mostSevere([20, 10, 0]), 10)
  assert.equal(mostSevere([10, 11]), 11)
  assert.equal(mostSevere([11, 12]), 12)
  assert.equal(mostSevere([12, 14, 20]), 14)
  assert.equal(mostSevere([14, 13, 20]), 13)
})
