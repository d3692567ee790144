// What changed between two audits, what an audit fails on, and what ends soon.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Audit, AuditedPath } from '../../src/audit/audit.ts'
import { endsSoon, SOON } from '../../src/audit/ends.ts'
import { FAILURES, type Failure, failuresIn } from '../../src/audit/fail-on.ts'
import { auditJson } from '../../src/audit/json.ts'
import { nextChange } from '../../src/audit/kept.ts'
import { changesSince } from '../../src/audit/since.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { NOTHING } from '../support/audits/nothing.ts'
import { assertSchema } from '../support/schema.ts'
import { signer } from '../support/trust.ts'

const NOW = 1_800_000_000
const DAY = 86_400

function pathOf(name: string, more: Partial<AuditedPath> = {}): AuditedPath {
  return {
    path: `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`,
    kind: 'output',
    part: 'closure',
    narHash: 'ab'.repeat(32),
    narSize: 120,
    references: [],
    derivation: undefined,
    inputs: [],
    outcome: 'trusted',
    status: 0,
    ground: 'rule',
    rule: 'default',
    basis: 'claims',
    exemption: undefined,
    group: undefined,
    because: undefined,
    message: undefined,
    claims: [],
    builtHere: false,
    until: undefined,
    letIn: false,
    registered: NOW,
    ...more,
  }
}

const REFUSED = { outcome: 'untrusted', status: 10, basis: undefined, rule: undefined } as const

function auditWith(paths: readonly AuditedPath[], more: Partial<Audit> = {}): Audit {
  return {
    time: NOW,
    machine: { name: 'one', key: undefined },
    version: '0.1.0',
    policy: { file: '/etc/nixsig/policy.toml', digest: 'cd'.repeat(32), mode: 'enforce' },
    asked: { kind: 'store', roots: [], contents: false },
    ...NOTHING,
    paths,
    ...more,
  }
}

const exemption = (line: number, reason: string) => ({
  line,
  reason,
  author: undefined,
  until: NOW + DAY,
  paths: [0],
})

test('since: what is refused, trusted, new, gone, and on whom more rests', () => {
  const person = (falls: readonly number[]) => ({ name: 'ann', list: undefined, roles: [], keys: [], falls })
  const before = auditWith(
    [pathOf('a'), pathOf('b', REFUSED), pathOf('c'), pathOf('d', { part: 'making' })],
    {
      principals: [person([0])],
      exemptions: [exemption(3, 'old')],
    },
  )
  const after = auditWith([pathOf('d', REFUSED), pathOf('a', REFUSED), pathOf('b')], {
    time: NOW + DAY,
    principals: [person([1, 2])],
    exemptions: [exemption(9, 'old'), exemption(12, 'new')],
  })
  const changes = changesSince(before, after)
  assert.deepEqual(changes, {
    since: NOW,
    policyChanged: false,
    newlyRefused: [1],
    newlyTrusted: [2],
    // What only something was made of is new to the closure.
    appeared: [0],
    vanished: [pathOf('c').path],
    grown: [{ principal: 0, before: 1, after: 2 }],
    newExemptions: [1],
    newKeys: [],
    goneKeys: [],
  })
  assertSchema('audit', auditJson(after, { changes }))
  assert.deepEqual(failuresIn(after, changes, ['new-refused', 'undecided']), [
    { failure: 'new-refused', count: 2 },
  ])
  const none = changesSince(after, after)
  for (const list of [none.newlyRefused, none.newlyTrusted, none.appeared, none.vanished, none.grown])
    assert.deepEqual(list, [])
})

test('--fail-on: each word fails for what it names, and for nothing else', () => {
  const clean = auditWith([pathOf('a')])
  const end = { kind: 'respite', what: '', who: undefined, at: NOW + DAY, falls: [] } as const
  const disk = clean.disk
  const cases: Readonly<Record<Failure, Audit>> = {
    refused: auditWith([pathOf('a', REFUSED)]),
    undecided: auditWith([pathOf('a', { outcome: 'indeterminate', status: 20 })]),
    'new-refused': auditWith([pathOf('b', REFUSED)]),
    ends: auditWith([], { ends: [end] }),
    exempt: auditWith([pathOf('a')], { exemptions: [exemption(1, 'x')] }),
    'let-in': auditWith([pathOf('a', { ...REFUSED, letIn: true })]),
    differing: auditWith([pathOf('a')], {
      disk: { ...disk, differing: [{ path: 0, registered: 'ab'.repeat(32), found: 'cd'.repeat(32) }] },
    }),
    unregistered: auditWith([], { disk: { ...disk, unregistered: [{ name: 'x', size: 1 }] } }),
    missing: auditWith([pathOf('a')], { disk: { ...disk, missing: [0] } }),
  }
  const all = Object.keys(FAILURES) as Failure[]
  assert.deepEqual(failuresIn(clean, changesSince(clean, clean), all), [])
  for (const [failure, audit] of Object.entries(cases)) {
    const found = failuresIn(audit, changesSince(clean, audit), all).map(one => one.failure)
    const besides: Readonly<Partial<Record<Failure, readonly Failure[]>>> = {
      refused: ['new-refused'],
      undecided: ['new-refused'],
      'new-refused': ['refused'],
      'let-in': ['refused', 'new-refused'],
    }
    const expected = [failure, ...(besides[failure as Failure] ?? [])]
    assert.deepEqual(found.sort(), expected.sort(), failure)
  }
  // What was not judged is not decided.
  const late = auditWith([pathOf('a')], { unjudged: 3 })
  assert.deepEqual(failuresIn(late, undefined, ['undecided']), [{ failure: 'undecided', count: 3 }])
})

const POLICY = parsePolicy({
  toml: `version = 1
mode = "enforce"
[principals.ann]
keys = [{ key = "${signer('ann').publicKey}", valid-from = 2027-03-01, valid-until = 2027-06-01 }]
[[revocations]]
principal = "ann"
date = 2027-05-01
reason = "leaves"
[[exemptions]]
path = "${pathOf('a').path}"
reason = "a test"
until = 2027-02-01
[default]
require = { source = "nothing", derivation = "nothing", output = "ann" }
`,
  file: 'policy.toml',
  directory: '/',
  certificate: () => Buffer.alloc(0),
})
const at = (date: string) => Date.parse(`${date}T00:00:00Z`) / 1000

test('what an audit kept is believed until the next date of the policy, whichever that is', () => {
  const dates = ['2027-02-01', '2027-03-01', '2027-05-01', '2027-06-01'].map(at)
  for (const [index, date] of dates.entries()) {
    assert.equal(nextChange(POLICY, (dates[index - 1] ?? 0) + 1), date)
    assert.equal(nextChange(POLICY, date - 1), date)
  }
  assert.equal(nextChange(POLICY, dates.at(-1) ?? 0), undefined)
})

test('what ends within thirty days is told, the nearest first, with what falls; what ended is not', () => {
  const key = (identity: string, until: number) => ({
    identity,
    label: identity,
    principal: undefined,
    until,
    isRevoked: false,
    falls: [0],
  })
  const ends = endsSoon({
    policy: POLICY,
    now: NOW,
    keys: [key('late', NOW + SOON + 1), key('soon', NOW + SOON), key('over', NOW)],
    principals: [],
    exemptions: [exemption(7, 'x')],
    // The second was signed since it was let in.
    paths: [pathOf('a', { ...REFUSED, letIn: true }), pathOf('b', { letIn: true })],
    respite: { until: NOW + 60, reason: 'testing' },
  })
  assert.deepEqual(
    ends.map(({ kind, what, falls }) => [kind, what, falls]),
    [
      ['respite', 'testing', [0]],
      ['exemption', 'line 7', [0]],
      ['key', 'soon', [0]],
    ],
  )
})
