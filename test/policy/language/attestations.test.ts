import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describePolicy } from '../../../src/policy/describe.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { policyOf } from '../policies.ts'

const withPlaces = (places: string) => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
default.require = { source = "alice", derivation = "alice", output = "alice" }
[attestations]
${places}`

function problemOf(places: string): string {
  try {
    policyOf(withPlaces(places))
  } catch (error) {
    assert.ok(error instanceof PolicyError, String(error))
    return error.message
  }
  assert.fail('the policy was accepted')
}

test('sources are addresses, optionally with the time for which an answer is reused', () => {
  const policy = policyOf(
    withPlaces(
      'sources = ["https://example.org/a", { url = "http://[::1]:8080", max-age = 0 }, { url = "https://b.example/", max-age = 60 }]',
    ),
  )
  assert.deepEqual(policy.attestations, [])
  assert.deepEqual(policy.sources, [
    { url: 'https://example.org/a', maxAge: 3600 },
    { url: 'http://[::1]:8080', maxAge: 0 },
    { url: 'https://b.example', maxAge: 60 },
  ])
  const words = describePolicy(policy)
  assert.match(words, /looked for in: https:\/\/example\.org\/a \(asked after 3600 seconds again\), /)
  assert.match(words, /http:\/\/\[::1\]:8080 \(asked every time\)/)
})

test('a policy without sources has none', () => {
  assert.deepEqual(policyOf(withPlaces('directories = ["/a"]')).sources, [])
})

for (const [name, places, problem] of [
  [
    'another protocol',
    'sources = ["ftp://example.org/a"]',
    /sources\[1\]: must be an address that begins with/,
  ],
  ['a local file', 'sources = ["file:///etc"]', /must be an address that begins with "https:\/\/" or/],
  ['no address', 'sources = ["example.org/a"]', /must be an address/],
  ['a password', 'sources = ["https://me:secret@example.org"]', /must not have a user name or password/],
  ['a query', 'sources = ["https://example.org/a?b"]', /must not have a query or fragment/],
  ['an empty query', 'sources = ["https://example.org/a?"]', /must not have a query or fragment/],
  ['a fragment', 'sources = ["https://example.org/a#b"]', /must not have a query or fragment/],
  ['steps up', 'sources = ["https://example.org/a/../b"]', /is to be written "https:\/\/example\.org\/b"/],
  [
    'a port that is the usual one',
    'sources = ["https://example.org:443/b"]',
    /is to be written "https:\/\/ex/,
  ],
  ['capitals', 'sources = ["https://EXAMPLE.org/b"]', /is to be written "https:\/\/example\.org\/b"/],
  ['a control character', 'sources = ["https://example.org/\\u0007"]', /has control or invisible characters/],
  [
    'the same twice',
    'sources = ["https://a.example", "https://a.example/"]',
    /sources\[2\]: is listed twice/,
  ],
  [
    'an unknown field',
    'sources = [{ url = "https://a.example", age = 1 }]',
    /unknown field, known are: url, max-age/,
  ],
  ['no url', 'sources = [{ max-age = 1 }]', /field "url" is missing/],
  ['a negative age', 'sources = [{ url = "https://a.example", max-age = -1 }]', /must not be negative/],
  [
    'half a second',
    'sources = [{ url = "https://a.example", max-age = 0.5 }]',
    /must be a number of seconds/,
  ],
  ['a year', 'sources = [{ url = "https://a.example", max-age = 31536000 }]', /must be at most 2592000/],
  ['a long address', `sources = ["https://a.example/${'a'.repeat(1024)}"]`, /longer than 1024 characters/],
  [
    'very many',
    `sources = [${Array.from({ length: 33 }, (_, index) => `"https://a${index}.example"`)}]`,
    /more than 32 entries/,
  ],
] as const) {
  test(`refused: a source with ${name}`, () => {
    assert.match(problemOf(places), problem)
  })
}
