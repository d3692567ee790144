// What each claim is worth for one subject under one rule at one instant: docs/semantics.md, S4 to
// S7 and S17.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rule } from '../../src/policy/policy.ts'
import type { Claim, Subject } from '../../src/policy/verdict.ts'
import { type Weighing, weigh } from '../../src/policy/weigh.ts'
import { builtBy, claimBy, HASH, identityOf, NOW, OTHER_HASH, OUTPUT, policyOf, SOURCE } from './policies.ts'

const DAY = 24 * 3600
const NEW_YEAR = Date.UTC(2026, 0) / 1000
const NEXT_YEAR = Date.UTC(2027, 0) / 1000

const POLICY = policyOf(`
version = 1
mode = "enforce"
[principals]
alice.keys = ["KEY(alice-1)", { key = "KEY(alice-old)", valid-until = 2026-01-01 }]
bob.keys = ["KEY(bob-1)", "KEY(bob-lost)", { key = "KEY(bob-next)", valid-from = 2027-01-01 }]
[[revocations]]
key = "KEY(bob-lost)"
date = 2026-01-01
reason = "stolen"
[default]
require = { source = "alice", derivation = "alice", output = "bob" }
`)
const RULE = POLICY.fallback

/** What a claim came to, in one word and what goes with it. */
function worthOf({ counting, discounted, conflicts, conflictFrom, strays }: Weighing): readonly unknown[] {
  return [
    ...counting.map(({ holder }) => ['counts', holder.principal.name]),
    ...discounted.map(({ finding }) => ['discounted', finding]),
    ...conflicts.map(finding => ['conflict', finding]),
    ...(conflictFrom === undefined ? [] : [['conflict from', conflictFrom]]),
    ...strays.map(({ problem, detail }) => [problem, detail]),
  ]
}

const ORIGIN = 'a.jsonl:1'
const ELSEWHERE = '/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-other'
const GRAPH = '/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-top.drv'
const ENDED = { signedAt: NOW - 9 * DAY, at: NOW - DAY }
const DISAGREES = { narHash: OTHER_HASH }

const CASES: readonly {
  readonly title: string
  readonly claim: Claim
  readonly subject?: Subject
  readonly rule?: Partial<Rule>
  readonly worth: readonly unknown[]
}[] = [
  { title: 'by a packager, of a source', claim: claimBy('alice-1'), worth: [['counts', 'alice']] },
  {
    title: 'by a builder, of an output',
    claim: builtBy('bob-1'),
    subject: OUTPUT,
    worth: [['counts', 'bob']],
  },
  {
    title: 'by nobody of the trusted list',
    claim: claimBy('mallory-1'),
    worth: [['unknown-signer', identityOf('mallory-1')]],
  },
  {
    title: 'about another path',
    claim: claimBy('alice-1', { path: ELSEWHERE }),
    worth: [['other-subject', ELSEWHERE]],
  },
  {
    title: 'by a builder, of a source',
    claim: builtBy('bob-1'),
    worth: [['unused', 'bob: no requirement for the source asks for a builder']],
  },
  {
    title: 'by a packager, of other contents',
    claim: claimBy('alice-1', DISAGREES),
    worth: [['discounted', { code: 'wrong-digest', who: 'alice', attested: OTHER_HASH, origin: ORIGIN }]],
  },
  {
    title: 'by a builder, of other contents',
    claim: builtBy('bob-1', DISAGREES),
    subject: OUTPUT,
    worth: [
      ['conflict', { code: 'conflict', who: 'bob', attested: OTHER_HASH, origin: ORIGIN, judged: HASH }],
    ],
  },
  {
    title: 'by a builder, of other contents of a source, which asks for no builder',
    claim: builtBy('bob-1', DISAGREES),
    worth: [
      ['conflict', { code: 'conflict', who: 'bob', attested: OTHER_HASH, origin: ORIGIN, judged: HASH }],
    ],
  },
  {
    title: 'by a key past its date',
    claim: claimBy('alice-old'),
    worth: [['discounted', { code: 'expired', at: NEW_YEAR, who: 'alice' }]],
  },
  {
    title: 'by a revoked key',
    claim: claimBy('bob-lost'),
    worth: [['discounted', { code: 'revoked', since: NEW_YEAR, reason: 'stolen', who: 'bob' }]],
  },
  {
    title: 'by a revoked builder, of other contents: no conflict',
    claim: builtBy('bob-lost', DISAGREES),
    subject: OUTPUT,
    worth: [['discounted', { code: 'revoked', since: NEW_YEAR, reason: 'stolen', who: 'bob' }]],
  },
  {
    title: 'by a key of next year',
    claim: claimBy('bob-next'),
    worth: [['discounted', { code: 'not-yet-valid', at: NEXT_YEAR, who: 'bob' }]],
  },
  {
    title: 'by a builder of next year, of other contents: a conflict from then on',
    claim: builtBy('bob-next', DISAGREES),
    subject: OUTPUT,
    worth: [
      ['discounted', { code: 'not-yet-valid', at: NEXT_YEAR, who: 'bob' }],
      ['conflict from', NEXT_YEAR],
    ],
  },
  {
    title: 'that counted until a second ago',
    claim: claimBy('alice-1', { until: NOW }),
    worth: [['discounted', { code: 'expired', who: 'alice', at: NOW }]],
  },
  {
    title: 'that counts for one more second',
    claim: claimBy('alice-1', { until: NOW + 1 }),
    worth: [['counts', 'alice']],
  },
  {
    title: 'by a builder, of other contents, that counts no more: no conflict',
    claim: builtBy('bob-1', { ...DISAGREES, until: NOW }),
    subject: OUTPUT,
    worth: [['discounted', { code: 'expired', who: 'bob', at: NOW }]],
  },
  {
    title: 'by a key that ended by its own word',
    claim: claimBy('alice-1', { expired: ENDED }),
    worth: [['discounted', { code: 'expired', who: 'alice', ...ENDED }]],
  },
  {
    title: 'by such a key, where the rule accepts what it signed before',
    claim: claimBy('alice-1', { expired: ENDED }),
    rule: { acceptExpiredKey: 'if-signed-before' },
    worth: [['counts', 'alice']],
  },
  {
    title: 'by such a key, of an output, for which no rule accepts it',
    claim: builtBy('bob-1', { expired: ENDED }),
    subject: OUTPUT,
    rule: { acceptExpiredKey: 'if-signed-before' },
    worth: [['discounted', { code: 'expired', who: 'bob', ...ENDED }]],
  },
  {
    title: 'through a build graph',
    claim: claimBy('alice-1', { graph: GRAPH }),
    worth: [['unused', `alice: signed the build graph of ${GRAPH}, which the rule does not accept`]],
  },
  {
    title: 'through a build graph, where the rule accepts it',
    claim: claimBy('alice-1', { graph: GRAPH }),
    rule: { acceptGraph: true },
    worth: [['counts', 'alice']],
  },
  {
    title: 'by a builder through a build graph, where the rule accepts it',
    claim: builtBy('bob-1', { graph: GRAPH }),
    subject: OUTPUT,
    rule: { acceptGraph: true },
    worth: [['unused', "bob: a build graph is a packager's to sign"]],
  },
]

for (const { title, claim, subject = SOURCE, rule = {}, worth } of CASES) {
  test(`a claim ${title}`, () => {
    assert.deepEqual(worthOf(weigh(POLICY, subject, { ...RULE, ...rule }, [claim], NOW)), worth)
  })
}

test('what a claim is worth does not depend on those beside it', () => {
  const claims = CASES.filter(({ subject, rule }) => subject === undefined && rule === undefined)
  const together = worthOf(
    weigh(
      POLICY,
      SOURCE,
      RULE,
      claims.map(({ claim }) => claim),
      NOW,
    ),
  )
  const each = claims.flatMap(({ worth }) => worth)
  const sorted = (all: readonly unknown[]) => all.map(one => JSON.stringify(one)).sort()
  assert.deepEqual(sorted(together), sorted(each))
})
