import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { policyDifference } from '../../src/reach/policy-difference.ts'
import { type PruneFacts, prune } from '../../src/reach/prune.ts'
import { bookOf } from '../policy/lists/books.ts'
import { nixKeyOf, sourceOf } from '../policy/policies.ts'

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

const LISTS = `version = 1
mode = "enforce"
[principals.alice]
keys = ["KEY(alice)"]
[principals.old]
keys = [{ key = "KEY(old)", valid-until = 2025-01-01 }]
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["developer"]
[lists.farm]
url = "https://lists.example.org/farm"
roles = ["builder"]
[lists.named]
url = "https://lists.example.org/named"
roles = ["builder"]
[developers.hello]
names = ["hello*"]
by = "alice"
[groups.builders]
members = ["alice", "named/one"]
threshold = 1
[[revocations]]
principal = "farm/gone"
date = 2026-01-01
[default]
require = { source = { developer = "its-developers" }, derivation = "nothing", output = "builders" }
`

test('lists and developers that something needs are not named, and nothing of them is ever dropped', async () => {
  const found = await prune(sourceOf(LISTS), FACTS)
  assert.equal(
    found.toml,
    LISTS.replace(/KEY\(([^)]*)\)/g, (_, name: string) => nixKeyOf(name)),
  )
  assert.deepEqual(
    found.kept.map(({ part, what }) => `${part} ${what}`),
    ['lists farm'],
  )
  assert.match(found.kept[0]?.why ?? '', /nothing asks for it; to drop it: nixsig trust unsubscribe farm/)
  // Without the demand nobody needs the developers, nor the list that names them.
  const without = await prune(sourceOf(LISTS.replace('{ developer = "its-developers" }', '"alice"')), FACTS)
  assert.deepEqual(
    without.kept.map(({ part, what }) => `${part} ${what}`),
    ['lists debian', 'lists farm', 'developers hello'],
  )
  assert.deepEqual(without.dropped, [])
})

test('a person whose keys have ended stays while there are lists: without them a list could bring a key back', async () => {
  const found = await prune(sourceOf(LISTS), FACTS)
  assert.deepEqual(found.dropped, [])
  const lone = LISTS.split(/^(?=\[)/m)
    .filter(table => !/^\[(?:lists|\[revocations)/.test(table))
    .join('')
    .replace(', "named/one"', '')
  const dropped = (await prune(sourceOf(lone), FACTS)).dropped.map(({ what }) => what)
  assert.deepEqual(dropped, ['old'])
})

test('policy diff says in words what lists and developers differ in', () => {
  const with_ = (toml: string, digest: string) =>
    parsePolicy({ ...sourceOf(toml), book: () => bookOf({ digest: digest.repeat(32) }) })
  const differences = (before: string, after: string, digest = 'ab') =>
    policyDifference(with_(before, 'ab'), with_(after, digest)).map(
      ({ part, before: was, after: is }) => `${part}: ${was ?? ''} > ${is ?? ''}`,
    )
  assert.deepEqual(differences(LISTS, `# More.\n\n${LISTS}`), [])
  assert.match(
    differences(LISTS, LISTS.replace('names = ["hello*"]', 'names = ["bye*"]')).join('\n'),
    /^developers: hello: hello\* by alice > \ndevelopers: {2}> hello: bye\* by alice$/,
  )
  const scope = differences(
    LISTS,
    LISTS.replace('roles = ["developer"]', 'roles = ["developer"]\nnames = ["a*"]'),
  )
  assert.match(
    scope.join('\n'),
    /^lists: debian: may speak as developer; version 1.*\nlists: {2}> debian: may speak as developer of a\*;/,
  )
  // Another book of the same version.
  assert.deepEqual(
    differences(LISTS, LISTS, 'cd').map(line => /\((?:ab|cd){6}\)/.test(line)),
    Array.from({ length: 6 }, () => true),
  )
})
