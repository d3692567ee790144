import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { policyDifference } from '../../src/reach/policy-difference.ts'
import { type PruneFacts, prune } from '../../src/reach/prune.ts'
import { sourceOf } from '../policy/policies.ts'

const NOW = Date.UTC(2026, 10, 30) / 1000
const path = (name: string) => `/nix/store/${'0'.repeat(32)}-${name}`

const FACTS: PruneFacts = {
  now: NOW,
  since: 30 * 86_400,
  isGone: async one => one.endsWith('gone'),
  passes: async (_, one) => one.endsWith('signed'),
}

const POLICY = `# The policy of this machine.
version = 1
mode = "enforce"

# Alice packages.
[principals.alice]
keys = ["KEY(alice)"]

# Left in 2025.
[principals."old \\u00e9 \\"one\\""]
keys = [{ key = "KEY(old)", valid-until = 2025-01-01 }]

[principals.recent]
keys = [{ key = "KEY(recent)", valid-until = 2026-11-20 }]

[principals.revoked]
keys = [{ key = "KEY(revoked)", valid-until = 2025-01-01 }]

[principals.unasked] # valid: their word as a builder counts
keys = ["KEY(unasked)"]

[groups.team]
members = ["alice"]
threshold = 1

[groups.inner]
members = ["alice"]
threshold = 1

# Nothing asks for it any more.
[groups.outer]
members = ["inner"]
threshold = 1

[[revocations]]
principal = "revoked"
date = 2025-01-01

[[exemptions]] # long over
name = "a*"
reason = "x"
until = 2026-01-01

[[exemptions]]
path = "${path('gone')}"
reason = "x"
until = 2027-01-01

# Still needed.
[[exemptions]]
path = "${path('needed')}"
reason = "[[exemptions]]"
until = 2027-01-01

[[exemptions]]
path = "${path('signed')}"
reason = "x"
until = 2027-01-01

[default]
require = { source = "team", derivation = "team", output = "self" }
`

test('what nothing needs goes, with its comment, and every other line stays as it is', async () => {
  const { toml, dropped, kept } = await prune(sourceOf(POLICY), FACTS)
  assert.deepEqual(
    dropped.map(({ part, what }) => `${part} ${what}`),
    [
      'principals old é "one"',
      'groups inner',
      'groups outer',
      'exemptions a*',
      `exemptions ${path('gone')}`,
      `exemptions ${path('signed')}`,
    ],
  )
  assert.deepEqual(kept, [])
  const lines = new Set(toml.split('\n'))
  for (const line of [
    '# The policy of this machine.',
    '# Alice packages.',
    '# Still needed.',
    'reason = "[[exemptions]]"',
  ])
    assert.ok(lines.has(line), line)
  assert.doesNotMatch(toml, /Left in 2025|Nothing asks for it|long over/)
  const before = parsePolicy(sourceOf(POLICY))
  const after = parsePolicy(sourceOf(toml))
  assert.deepEqual([...after.principals.keys()], ['alice', 'recent', 'revoked', 'unasked'])
  assert.equal(after.revocations.length, before.revocations.length)
  assert.deepEqual(after.fallback.require, before.fallback.require)
  const again = await prune(sourceOf(toml), FACTS)
  assert.deepEqual([again.dropped, again.toml], [[], toml])
})

test('what is not written in tables of its own is named, and nothing is changed', async () => {
  const inline = POLICY.replace(/\[groups\.outer\]\nmembers = \["inner"\]\nthreshold = 1\n/, '').replace(
    'mode = "enforce"',
    'mode = "enforce"\ngroups.outer = { members = ["alice"], threshold = 1 }',
  )
  const source = sourceOf(
    inline
      .replaceAll(/\[groups\.(team|inner)\]\nmembers = \["alice"\]\nthreshold = 1\n/g, '')
      .replace('source = "team", derivation = "team"', 'source = "alice", derivation = "alice"'),
  )
  const { dropped, kept } = await prune(source, FACTS)
  assert.ok(dropped.every(({ part }) => part !== 'groups'))
  assert.deepEqual(
    kept.map(({ what }) => what),
    ['outer'],
  )
  assert.match(kept[0]?.why ?? '', /remove it by hand/)
})

test('attack: a key that is dropped could be certified by another, so nobody goes while keys certify', async () => {
  const drops = async (toml: string) => (await prune(sourceOf(toml), FACTS)).dropped.map(({ what }) => what)
  const powers = 'keys = [{ key = "KEY(alice)", certifies = ["builder"], for-at-most = 90 }]'
  const people = (dropped: readonly string[]) => dropped.filter(what => what.startsWith('old'))
  assert.equal(people(await drops(POLICY)).length, 1)
  assert.deepEqual(people(await drops(POLICY.replace('keys = ["KEY(alice)"]', powers))), [])
})

test('a policy that lets a key certify others differs in words', () => {
  const powers = 'keys = [{ key = "KEY(alice)", certifies = ["builder"], for-at-most = 90, rotates = true }]'
  const [before, after] = [POLICY, POLICY.replace('keys = ["KEY(alice)"]', powers)].map(toml =>
    parsePolicy(sourceOf(toml)),
  )
  assert.ok(before !== undefined && after !== undefined)
  const words = policyDifference(before, after).map(({ before: was, after: is }) => was ?? is)
  assert.equal(words.length, 2)
  assert.doesNotMatch(words[0] ?? '', /certifies/)
  assert.match(words[1] ?? '', /certifies keys of a builder for at most 90 days, may name its successor/)
})
