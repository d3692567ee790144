// What `nixsig init` makes of answers: a valid policy, from nothing or from the one that is there,
// of which everything stays that was not asked about.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { examinePolicy, parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Answers } from '../../src/setup/init/answers.ts'
import { blocksOf } from '../../src/setup/init/blocks.ts'
import { draftPolicy } from '../../src/setup/init/draft.ts'
import { lostParts } from '../../src/setup/init/kept.ts'
import { lineDiff } from '../../src/setup/line-diff.ts'
import { nixKeyOf, sourceOf } from '../policy/policies.ts'
import { carry, textFor } from './carrying.ts'

const NOW = Date.UTC(2026, 10, 30) / 1000
const KEYS = ['one-1', 'two-1', 'three-1'].map(nixKeyOf)
const carried = carry(
  `substituters = https://a.example https://b.example\ntrusted-public-keys = ${KEYS.join(' ')}`,
)

/** Written by hand, with what init never asks about, and comments. */
const OWN = `# mine
version = 1
mode = "enforce" # since May

[attestations]
directories = ["/srv/attestations"]
sources = [{ url = "https://example.org/x", max-age = 60 }]

[principals.alice]
keys = ["KEY(alice-1)"]

[principals."bob the second"]
keys = ["KEY(bob-1)"]

# Two of them.
[groups.team]
members = ["alice", "bob the second"]
threshold = 2

[groups.packagers]
members = ["alice"]
threshold = 1

# hello only
[[rules]]
name = "hello # [default]"
match.name = "hello-*"
require.source = { developer = "alice", packager = ["team"] }
# the end of the rules

[[revocations]]
key = "KEY(bob-1)"
date = 2026-01-01
reason = """
[groups.fake]"""

[[exemptions]]
name = "old"
reason = "because"
until = 2027-01-01

[default] # everything else
require.source = ["team", "alice"]
require.derivation = "nothing"
require.output = "self"
accept-graph = true
`.replace('reason = """\n[groups.fake]"""', "reason = '[groups.fake]'")

function read(toml: string): Policy {
  return parsePolicy(sourceOf(toml))
}

function draft(answers: Answers, toml?: string): string {
  const text = toml === undefined ? undefined : sourceOf(toml).toml
  const before = text === undefined ? undefined : { toml: text, policy: read(text) }
  return draftPolicy({ answers, carried, attestations: '/etc/nixsig/attestations', before, now: NOW })
}

const person = fc
  .constantFrom('alice', 'carol', 'self', 'caches', 'dora')
  .map(name => ({ name, keyToml: `"${nixKeyOf(`${name}-1`)}"` }))

function answers(hasPolicy: boolean): fc.Arbitrary<Answers> {
  const keep = hasPolicy ? (['keep'] as const) : []
  return fc
    .record({
      build: fc.oneof(
        fc.subarray([...carried.keys]).map(keys => ({ keys })),
        ...keep.map(word => fc.constant(word)),
      ),
      packagers: fc.uniqueArray(person, { maxLength: 3, selector: ({ name }) => name }),
      sources: fc.uniqueArray(fc.constantFrom('https://example.org/x', 'https://example.org/y')),
      unsigned: fc.constantFrom('refuse', 'pass', { exemptUntil: NOW + 86_400 }, ...keep),
      derivations: fc.constantFrom('anybody', 'packagers', ...keep),
    })
    .map(all =>
      all.packagers.length === 0 ? { ...all, derivations: 'anybody' as const } : all,
    ) as fc.Arbitrary<Answers>
}

test('any answers make a valid policy that warns', () => {
  fc.assert(
    fc.property(answers(false), given => {
      const policy = read(draft(given))
      assert.equal(policy.mode, 'warn')
      assert.deepEqual(
        policy.gate.upstreams.map(({ url }) => url),
        ['https://a.example', 'https://b.example'],
      )
      const keys = given.build === 'keep' ? [] : given.build.keys
      assert.equal(policy.groups.get('caches')?.members.length ?? 0, keys.length)
      assert.equal(policy.fallback.acceptUnknownDerivation, keys.length > 0)
      assert.equal(policy.exemptions.length, typeof given.unsigned === 'string' ? 0 : 1)
    }),
  )
})

test('of a policy that is there nothing else changes, and the same answers change nothing again', () => {
  for (const toml of [OWN, textFor(carried), draft({ ...KEPT, build: { keys: carried.keys } }, OWN)]) {
    fc.assert(
      fc.property(answers(true), given => {
        const before = read(toml)
        const text = draft(given, toml)
        const after = read(text)
        assert.deepEqual(lostParts(before, after), [])
        assert.equal(after.mode, before.mode)
        assert.equal(draft(given, text), text)
      }),
      { numRuns: 60 },
    )
  }
})

const KEPT: Answers = { build: 'keep', packagers: [], sources: [], unsigned: 'keep', derivations: 'keep' }

test('to keep everything changes no letter', () => {
  assert.equal(draft(KEPT, OWN), sourceOf(OWN).toml)
  assert.equal(draft(KEPT, textFor(carried)), textFor(carried))
})

test('the first packagers count after setup, which refused every source, and unsigned ones stay refused', () => {
  const packagers = [{ name: 'bob', keyToml: `"${nixKeyOf('bob-1')}"` }]
  const { fallback, exemptions } = read(draft({ ...KEPT, packagers }, textFor(carried)))
  const before = read(textFor(carried)).fallback
  assert.deepEqual(
    fallback.require.source?.kind === 'all' && fallback.require.source.demands.map(({ who }) => who),
    ['packagers'],
  )
  assert.deepEqual(fallback.require.derivation, before.require.derivation)
  assert.deepEqual(fallback.require.output, before.require.output)
  assert.equal(fallback.acceptUnknownDerivation, before.acceptUnknownDerivation)
  assert.equal(exemptions.length, 0)
})

test('what was required of sources before stays where signatures are asked for, and comments stay', () => {
  const text = draft({ ...KEPT, unsigned: 'refuse', derivations: 'anybody' }, OWN)
  assert.deepEqual(read(text).fallback.require.source, read(OWN).fallback.require.source)
  for (const comment of ['# mine', '# since May', '# Two of them.', '# hello only', '# the end of the rules'])
    assert.ok(text.includes(comment), comment)
})

test('a key that is listed already keeps its name, whatever the answer calls it', () => {
  const packagers = [{ name: 'other', keyToml: `"${nixKeyOf('bob-1')}"` }]
  assert.deepEqual(read(draft({ ...KEPT, packagers }, OWN)).groups.get('packagers')?.members, [
    'alice',
    'bob the second',
  ])
})

test('a policy that is not written in tables is not refined, and the reason is told', () => {
  const inline = `version = 1
mode = "warn"
default.require = { source = "refuse", derivation = "nothing", output = "self" }
`
  assert.throws(() => draft({ ...KEPT, unsigned: 'pass' }, inline), /has default before its first \[table\]/)
})

test('the pieces of any policy, joined, are the policy', () => {
  const { preamble, blocks } = blocksOf(OWN)
  assert.equal(preamble + blocks.map(({ text }) => text).join(''), OWN)
  assert.deepEqual(
    blocks.map(({ path }) => path.join('.')),
    [
      ...['attestations', 'principals.alice', 'principals.bob the second', 'groups.team', 'groups.packagers'],
      ...['rules', 'revocations', 'exemptions', 'default'],
    ],
  )
})

test('lines that differ make the one text of the other', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 }).map(lines => lines.join('\n'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(`${before}\n`, `${after}\n`)
      const side = (mark: '+' | '-') =>
        lines.flatMap(line => (line.mark === ' ' || line.mark === mark ? [line.text] : [])).join('\n')
      assert.equal(side('-'), before)
      assert.equal(side('+'), after)
    }),
  )
})

test('what init writes has no error and nothing that is over', () => {
  const { problems } = examinePolicy(
    sourceOf(draft({ ...KEPT, build: { keys: [] }, unsigned: 'refuse', derivations: 'anybody' })),
  )
  assert.deepEqual(problems, [])
})
