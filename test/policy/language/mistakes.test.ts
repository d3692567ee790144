// One run of the check tells every mistake in a policy: of some independent ones that are put into
// a valid policy, each is reported with its line, and nothing else is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { printNixSecretKey } from '../../../src/formats/nix/nix-key.ts'
import { notAKey } from '../../../src/policy/language/not-a-key.ts'
import { examinePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { ed25519KeyPair, sha256 } from '../../../src/primitives/sodium.ts'
import { nixKeyOf, sourceOf } from '../policies.ts'

/** A secret key in Nix's form, and its public half. */
function secretOf(name: string): string {
  return printNixSecretKey({ name, secretKey: ed25519KeyPair(sha256(Buffer.from(name))).secretKey })
}

const FINGERPRINT = '6EBCE3332AB397F1C9DCB7EA6227C7EB1F14BF0E'

/** A valid policy whose lines are independent of each other. Those of VICTIMS get the mistakes. */
const VALID = `version = 1
mode = "enforce"
[attestations]
directories = ["/etc/nixsig/attestations"]
sources = ["https://example.org/a"]
[gate]
timeout = 10
upstreams = ["https://cache.example.org"]
[principals.alice]
keys = ["KEY(alice-1)"]
[principals.bob]
keys = ["KEY(bob-1)"]
[principals.carol]
keys = ["KEY(carol-1)", { key = "KEY(carol-2)" }]
[principals.dora]
keys = [{ openpgp = "${FINGERPRINT}", certificate = "alice.asc" }]
[groups.pair]
members = ["bob", "carol"]
threshold = 2
[groups.wide]
members = ["pair", "bob"]
threshold = 1
[[inputs]]
url = "https://one.example/*"
require = "alice"
[[rules]]
match.name = "first-*"
require.source = "alice"
[[rules]]
match.name = "second-*"
require.source = "pair"
require.output = "self"
[[rules]]
match = { name = "third", kind = "output" }
require.output = ["alice", "bob"]
[[revocations]]
key = "KEY(carol-2)"
date = 2026-01-01
[[exemptions]]
name = "exempt"
reason = "because"
until = 2030-01-01
[default]
require.source = "wide"
require.derivation = "nothing"
require.output = "self"
`

type Mistake = readonly [what: string, line: string, becomes: string, says: RegExp]

/** Each changes a line of its own, so that any number of them are independent. */
const MISTAKES: readonly Mistake[] = [
  ['no version', 'version = 1', '# none', /^version must be 1/],
  ['an unknown mode', 'mode = "enforce"', 'mode = "strict"', /must be "enforce" or "warn"/],
  ['a relative directory', 'directories = ["/etc/nixsig/attestations"]', 'directories = ["a"]', /absolute/],
  [
    'an address of another kind',
    'sources = ["https://example.org/a"]',
    'sources = ["ftp://x"]',
    /begins with/,
  ],
  ['a text for a number', 'timeout = 10', 'timeout = "10"', /number of seconds/],
  [
    'a cache without a scheme',
    'upstreams = ["https://cache.example.org"]',
    'upstreams = ["cache"]',
    /must be an/,
  ],
  ['a secret key', 'keys = ["KEY(alice-1)"]', `keys = ["${secretOf('alice-1')}"]`, /SECRET key/],
  ['a path for a key', 'keys = ["KEY(bob-1)"]', 'keys = ["/root/bob.pub"]', /is a file, and a key is needed/],
  [
    'a space before a key',
    'keys = ["KEY(carol-1)", { key = "KEY(carol-2)" }]',
    'keys = [" KEY(carol-1)", { key = "KEY(carol-2)" }]',
    /begins or ends with a space/,
  ],
  [
    'a certificate without its fingerprint',
    `keys = [{ openpgp = "${FINGERPRINT}", certificate = "alice.asc" }]`,
    'keys = [{ certificate = "alice.asc" }]',
    /"openpgp" is missing: the fingerprint .*the file has 6EBCE333/,
  ],
  ['an unknown member', 'members = ["bob", "carol"]', 'members = ["bob", "carrol", "carol"]', /neither/],
  ['a threshold that is too high', 'threshold = 1', 'threshold = 9', /needs 9 of only 2/],
  ['a URL without a scheme', 'url = "https://one.example/*"', 'url = "one"', /glob for URLs/],
  ['a name that no path has', 'match.name = "first-*"', 'match.name = "a b"', /no name matches/],
  [
    'an unknown name',
    'require.source = "alice"',
    'require.source = "mallory"',
    /neither a principal nor a group/,
  ],
  [
    'a space before a name',
    'require.source = "pair"',
    'require.source = " pair"',
    /begins or ends with a space/,
  ],
  [
    'an unknown field',
    'match = { name = "third", kind = "output" }',
    'match = { name = "third", kind = "output", arch = "x" }',
    /arch: unknown field/,
  ],
  [
    'a name twice',
    'require.output = ["alice", "bob"]',
    'require.output = ["alice", "alice"]',
    /listed twice/,
  ],
  ['an impossible day', 'date = 2026-01-01', 'date = 2026-02-30', /not a day of the calendar/],
  ['a reason that is empty', 'reason = "because"', 'reason = ""', /must not be empty/],
  ['an end without a date', 'until = 2030-01-01', 'until = "soon"', /must be a date/],
  ['this machine for sources', 'require.source = "wide"', 'require.source = "self"', /"self" vouches for/],
]

test('each mistake alone is one error with its line', () => {
  for (const mistake of MISTAKES) assertTold([mistake])
})

test('of any independent mistakes in one policy, each is told with its line, and nothing else', () => {
  fc.assert(
    fc.property(fc.subarray([...MISTAKES], { minLength: 2 }), mistakes => assertTold(mistakes)),
    { numRuns: 400 },
  )
})

function assertTold(mistakes: readonly Mistake[]): void {
  const lines = VALID.split('\n')
  const expected = mistakes.map(([what, line, becomes, says]) => {
    const at = lines.indexOf(line)
    assert.ok(at >= 0, what)
    lines[at] = becomes
    return { what, line: what === 'no version' ? 1 : at + 1, says }
  })
  const { problems } = examinePolicy(sourceOf(lines.join('\n')))
  const told = problems.map(({ line, message }) => `${line}: ${message}`).join('\n')
  for (const { what, line, says } of expected) {
    const found = problems.filter(problem => problem.line === line)
    assert.ok(
      found.some(({ message }) => says.test(message.replace(/^[^ ]*: /, '')) || says.test(message)),
      `${what}, line ${line}, among:\n${told}`,
    )
  }
  assert.equal(problems.length, mistakes.length, `${mistakes.map(([what]) => what).join(', ')}:\n${told}`)
}

test('attack: no message quotes a secret key', () => {
  const secret = secretOf('alice-1')
  for (const text of [
    secret,
    ` ${secret}`,
    `${secret.slice(0, -8)}AAAAAA==`,
    'RWRTY0IyAAAA',
    `minisign:${secret}`,
  ]) {
    const { problem = '' } = notAKey(text) ?? {}
    assert.ok(!problem.includes(text.trim().slice(10, 60)), problem)
  }
  assert.match(
    notAKey(secret)?.problem ?? '',
    new RegExp(`write "${nixKeyOf('alice-1').replaceAll('+', '\\+')}"`),
  )
})

test('secret keys of other tools are named as what they are', () => {
  for (const text of [
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA',
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==',
    '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxVgE',
    'RWRTY0IyAAAAAAAA',
    'RWRCSwAAAACzJBN2',
    'nixsig encrypted secret key 1\nname a',
  ])
    assert.equal(notAKey(text)?.code, 'secret-key', text)
})

test('what only looks like a key is named: a certificate, a fingerprint, files', () => {
  assert.equal(notAKey('-----BEGIN PGP PUBLIC KEY BLOCK-----\n')?.code, 'certificate')
  assert.equal(notAKey('6EBC E333 2AB3 97F1 C9DC  B7EA 6227 C7EB 1F14 BF0E')?.code, 'fingerprint')
  for (const path of ['/etc/a', './a.pub', '~/.ssh/id_ed25519.pub', '../x', 'alice.asc', 'alice-1.pub'])
    assert.equal(notAKey(path)?.code, 'path', path)
  assert.equal(notAKey('no key at all'), undefined)
})

test('a group that is wrong hides neither names nor other groups, and is told once', () => {
  const toml = `version = 1
mode = "warn"
[principals.alice]
keys = ["KEY(alice-1)"]
[groups.a]
members = ["b"]
threshold = 1
[groups.b]
members = ["a"]
threshold = 1
[groups.c]
members = ["a", "alice"]
threshold = 2
[groups.d]
members = ["alice"]
threshold = 2
[[rules]]
match.name = "x"
require.source = "nobody"
[default]
require = { source = "c", derivation = "d", output = "self" }
`
  const { problems } = examinePolicy(sourceOf(toml))
  assert.deepEqual(
    problems.map(({ line }) => line),
    [16, 5, 8, 19],
  )
})

test('behind lines that are not TOML, what is wrong by itself is told, and nothing that they may have said', () => {
  const toml = `version = 1
mode = "strict"
[principals.alice]
keys = ["KEY(alice-1)"
[principals.bob]
keys = ["KEY(bob-1)"]
colour = "red"
[groups.team]
members = ["alice", "bob"]
threshold = 2
[default]
require.source = "team"
require.derivation = nothing
require.output = "self"
[[exemptions]]
name = "x"
name = "y"
until = 2026-02-30
`
  const told = (text: string) => {
    try {
      return examinePolicy(sourceOf(text)).problems.map(({ line }) => line)
    } catch (error) {
      assert.ok(error instanceof PolicyError)
      return error.problems.map(({ line }) => line)
    }
  }
  // An open list takes what follows with it, so that nothing more is known.
  assert.deepEqual(told(toml), [5])
  assert.deepEqual(
    told(toml.replace('keys = ["KEY(alice-1)"\n', 'keys = ["KEY(alice-1)"]\n')),
    [13, 17, 2, 7, 18],
  )
  assert.deepEqual(told('version = 1\nmode = "warn"\n[default]\n[default]\n'), [4])
})
