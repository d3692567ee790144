import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describePolicy } from '../../../src/policy/describe.ts'
import { parseListen } from '../../../src/policy/language/gate.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { policyOf } from '../policies.ts'

const withGate = (gate: string) => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
default.require = { source = "alice", derivation = "alice", output = "alice" }
${gate}`

test('a policy without [gate] has one on loopback, without upstreams', () => {
  assert.deepEqual(policyOf(withGate('')).gate, {
    listen: { host: '127.0.0.1', port: 4649 },
    upstreams: [],
    onRefusal: 'fail',
    timeout: 10,
    maxAge: 3600,
    negativeMaxAge: 60,
  })
})

test('all fields of a gate', () => {
  const { gate } = policyOf(
    withGate(`[gate]
listen = "[::1]:80"
upstreams = ["https://cache.example", "file:///srv/cache/", { url = "https://b.example/x", authorization = "/etc/b" }, { url = "http://127.0.0.1:1", authorization = "b" }]
on-refusal = "not-found"
timeout = 1
max-age = 0
negative-max-age = 0`),
  )
  assert.deepEqual(
    { ...gate, upstreams: undefined },
    {
      listen: { host: '::1', port: 80 },
      upstreams: undefined,
      onRefusal: 'not-found',
      timeout: 1,
      maxAge: 0,
      negativeMaxAge: 0,
    },
  )
  assert.deepEqual(
    gate.upstreams.map(({ url }) => url),
    ['https://cache.example', 'file:///srv/cache', 'https://b.example/x', 'http://127.0.0.1:1'],
  )
  assert.equal(gate.upstreams[2]?.authorization, '/etc/b')
  assert.match(gate.upstreams[3]?.authorization ?? '', /^\/.*\/b$/)
})

test('a policy with upstreams is described with its gate', () => {
  const words = describePolicy(
    policyOf(
      withGate('gate.upstreams = ["https://a.example", { url = "https://b.example", authorization = "/s" }]'),
    ),
  )
  assert.match(
    words,
    /the gate at 127\.0\.0\.1 port 4649 passes on what is trusted of: https:\/\/a\.example, https:\/\/b\.example \(with what \/s holds\)/,
  )
  assert.match(words, /what the gate refuses: Nix fails with the reason/)
})

test('addresses have one spelling each', () => {
  assert.deepEqual(parseListen('0.0.0.0:0'), { host: '0.0.0.0', port: 0 })
  for (const text of [
    'localhost:1',
    '127.1:1',
    '0x7f.0.0.1:1',
    '127.0.0.01:1',
    '[::1%lo]:1',
    '[0:0::1]:1',
    '::1:1',
    '1.2.3.4',
    '1.2.3.4:',
    '1.2.3.4:65536',
    '1.2.3.4:01',
    '1.2.3.256:1',
    '[1.2.3.4]:1',
    '1.2.3.4:1\n',
  ]) {
    assert.equal(parseListen(text), undefined, text)
  }
})

for (const [name, gate, problem] of [
  ['a name for an address', 'gate.listen = "localhost:80"', /gate\.listen: must be an IP address and a port/],
  ['no port', 'gate.listen = "127.0.0.1:0"', /must be an IP address and a port/],
  [
    'an upstream of another protocol',
    'gate.upstreams = ["s3://bucket"]',
    /upstreams\[1\]: must be an address that begins with "https:\/\/" or "http:\/\/" or "file:\/\/"/,
  ],
  ['a file on another machine', 'gate.upstreams = ["file://host/srv"]', /must be of this machine/],
  [
    'an upstream twice',
    'gate.upstreams = ["https://a.example", { url = "https://a.example/" }]',
    /is listed twice/,
  ],
  ['a password in an address', 'gate.upstreams = ["https://a:b@a.example"]', /must not have a user name/],
  [
    'authorization in the open',
    'gate.upstreams = [{ url = "http://a.example", authorization = "/s" }]',
    /goes to "https:\/\/" alone/,
  ],
  [
    'authorization to a host called like this machine',
    'gate.upstreams = [{ url = "http://127.0.0.1.a.example", authorization = "/s" }]',
    /goes to "https:\/\/" alone/,
  ],
  [
    'authorization for files',
    'gate.upstreams = [{ url = "file:///srv", authorization = "/s" }]',
    /goes to "https:\/\/" alone/,
  ],
  ['another word for refusing', 'gate.on-refusal = "pass"', /must be "fail" or "not-found"/],
  ['no time for an answer', 'gate.timeout = 0', /must be at least 1/],
  ['an hour for an answer', 'gate.timeout = 3600', /must be at most 300/],
  ['a year of trust', 'gate.max-age = 31536000', /must be at most 2592000/],
  ['an unknown field', 'gate.port = 80', /unknown field, known are: listen, upstreams/],
  [
    'very many upstreams',
    `gate.upstreams = [${Array.from({ length: 33 }, (_, index) => `"https://a${index}.example"`)}]`,
    /more than 32 entries/,
  ],
] as const) {
  test(`refused: a gate with ${name}`, () => {
    try {
      policyOf(withGate(gate))
    } catch (error) {
      assert.ok(error instanceof PolicyError, String(error))
      assert.match(error.message, problem)
      return
    }
    assert.fail('the policy was accepted')
  })
}
