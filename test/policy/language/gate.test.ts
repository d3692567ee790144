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
    onNoAnswer: 'not-found',
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
      onNoAnswer: 'not-found',
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

test('upstreams of every kind', () => {
  const { gate } = policyOf(
    withGate(`[gate]
netrc-file = "/etc/nix/netrc"
upstreams = [
  "s3://bucket?region=eu-west-1&profile=nix&endpoint=minio.lan:9000&scheme=http",
  "ssh-ng://nix@host:2222?ssh-key=/root/.ssh/nix",
  "ssh-ng://other?base64-ssh-public-host-key=c3NoLWVkMjU1MTkgQUFB+A==&compress=true",
  "ssh://host",
  "local?root=/mnt",
  "/mnt/other",
  { url = "https://c.example", priority = 5, client-certificate = "c.pem", client-key = "/etc/k.pem" },
]`),
  )
  assert.equal(gate.netrcFile, '/etc/nix/netrc')
  assert.equal(gate.upstreams.length, 7)
  const last = gate.upstreams[6]
  assert.equal(last?.priority, 5)
  assert.equal(last?.client?.key, '/etc/k.pem')
  assert.match(last?.client?.certificate ?? '', /^\/.*\/c\.pem$/)
})

test('who writes that refusals stop Nix means unanswered questions as well', () => {
  const onNoAnswer = (gate: string) => policyOf(withGate(gate)).gate.onNoAnswer
  assert.equal(onNoAnswer('gate.timeout = 5'), 'not-found')
  assert.equal(onNoAnswer('gate.on-refusal = "fail"'), 'fail')
  assert.equal(onNoAnswer('gate.on-refusal = "not-found"'), 'not-found')
  assert.equal(onNoAnswer('gate = { on-refusal = "fail", on-no-answer = "not-found" }'), 'not-found')
})

test('how other machines are reached', () => {
  assert.deepEqual(policyOf(withGate('')).http, { noProxy: [] })
  const { http } = policyOf(
    withGate(`[http]
proxy = "http://proxy.example:3128"
proxy-authorization = "/s"
no-proxy = ["cache.lan", "10.0.0.7", "[::1]"]
certificates = "/etc/ca.pem"`),
  )
  assert.deepEqual(http, {
    proxy: 'http://proxy.example:3128',
    proxyAuthorization: '/s',
    noProxy: ['cache.lan', '10.0.0.7', '[::1]'],
    certificates: '/etc/ca.pem',
  })
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
    'gate.upstreams = ["ftp://host"]',
    /upstreams\[1\]: must be an address that begins with "https:\/\/" or "http:\/\/" or "file:\/\/" or "s3:/,
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
    /is for "https:\/\/" and "http:\/\/" alone/,
  ],
  ['a bucket with a path', 'gate.upstreams = ["s3://bucket/x"]', /must not have a path/],
  [
    'a parameter for writing',
    'gate.upstreams = ["s3://bucket?compression=zstd"]',
    /must not have the parameter "compression"; known are: profile, region/,
  ],
  [
    'a store that is trusted by its address',
    'gate.upstreams = ["ssh-ng://host?trusted=1"]',
    /must not have the parameter "trusted"/,
  ],
  [
    'a region that would be another host',
    'gate.upstreams = ["s3://bucket?region=x.evil.example/"]',
    /must not have region set to/,
  ],
  [
    'an endpoint with a path',
    'gate.upstreams = ["s3://bucket?endpoint=http://h/x"]',
    /must not have endpoint set/,
  ],
  [
    'a style of addresses',
    'gate.upstreams = ["s3://bucket?addressing-style=odd"]',
    /addressing-style set to "odd"/,
  ],
  [
    'a program that is an option or more',
    'gate.upstreams = ["ssh-ng://host?remote-program=nix-daemon;reboot"]',
    /must not have remote-program set to/,
  ],
  [
    'a key of ssh that is no file',
    'gate.upstreams = ["ssh://host?ssh-key=id"]',
    /must not have ssh-key set to "id"/,
  ],
  [
    'a local store that is relative',
    'gate.upstreams = ["local?root=mnt"]',
    /must not have root set to "mnt"/,
  ],
  [
    'a bucket that no host can have',
    'gate.upstreams = ["s3://b\u00fccket"]',
    /must name a host or a bucket in plain/,
  ],
  ['a password for ssh', 'gate.upstreams = ["ssh://a:b@host"]', /must not have a password/],
  ['an option of ssh as host', 'gate.upstreams = ["ssh://-oProxyCommand=x"]', /no options of ssh/],
  ['an option of ssh as user', 'gate.upstreams = ["ssh://-l@host"]', /no options of ssh/],
  ['a hidden option of ssh', 'gate.upstreams = ["ssh://%2dl@host"]', /no options of ssh/],
  ["this machine's own store", 'gate.upstreams = ["local"]', /this machine's own store is no upstream/],
  ['the root as a store', 'gate.upstreams = ["/"]', /not "\/"/],
  ['a store with steps', 'gate.upstreams = ["/mnt/../x"]', /without "\." and "\.\."/],
  [
    'a certificate without its key',
    'gate.upstreams = [{ url = "https://a.example", client-certificate = "c" }]',
    /both "client-certificate" and "client-key"/,
  ],
  [
    'a certificate in the open',
    'gate.upstreams = [{ url = "http://127.0.0.1", client-certificate = "c", client-key = "k" }]',
    /goes to "https:\/\/" alone/,
  ],
  ['no priority', 'gate.upstreams = [{ url = "https://a.example", priority = 0 }]', /must be at least 1/],
  ['a proxy with a password', 'http.proxy = "http://a:b@proxy"', /must not have a user name/],
  ['a proxy of another protocol', 'http.proxy = "socks5://proxy"', /begins with "http:\/\/"/],
  ['a secret for no proxy', 'http.proxy-authorization = "s"', /needs a "proxy"/],
  ['a pattern of hosts', 'http.no-proxy = ["*.example.org"]', /must be a host name or an IP address/],
  ['a host in capitals', 'http.no-proxy = ["Example.org"]', /must be a host name or an IP address/],
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
