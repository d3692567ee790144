// What setup makes of substituters, proxies and files of nix.conf.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HttpEnvironment } from '../../src/setup/carry/http.ts'
import { carry, policyOf, textFor } from './carrying.ts'

const entriesFor = (words: string) => policyOf(textFor(carry(`substituters = ${words}`))).gate.upstreams

const SERVED: Readonly<Record<string, object>> = {
  'https://cache.nixos.org?priority=10': { url: 'https://cache.nixos.org', priority: 10 },
  'https://me.cachix.org/?priority=0&want-mass-query=true': { url: 'https://me.cachix.org', priority: 1 },
  'http://10.0.0.2:5000?trusted=1': { url: 'http://10.0.0.2:5000' },
  'https://Cache.NixOS.org/': { url: 'https://cache.nixos.org' },
  'http://h:80': { url: 'http://h' },
  'file:///srv/cache2?compression=zstd': { url: 'file:///srv/cache2' },
  's3://b?region=eu-west-1&compression=xz&profile=nix&priority=5': {
    url: 's3://b?region=eu-west-1&profile=nix',
    priority: 5,
  },
  'ssh-ng://nix@x?ssh-key=/root/k&max-connections=4': { url: 'ssh-ng://nix@x?ssh-key=/root/k' },
  'ssh://x/': { url: 'ssh://x' },
  '/mnt/store/': { url: '/mnt/store' },
  'local?root=/mnt&read-only=true': { url: 'local?root=/mnt' },
  '/mnt?state=/mnt/state': { url: 'local?root=/mnt&state=/mnt/state' },
  'https://x.example?tls-certificate=/there/c.pem&tls-private-key=/there/k.pem': {
    url: 'https://x.example',
    client: { certificate: '/there/c.pem', key: '/there/k.pem' },
  },
  'https://user:pw@cache.example.org': {
    url: 'https://cache.example.org',
    authorization: '/etc/nixsig/secrets/from-nix-conf/cache.example.org',
  },
}

for (const [word, entry] of Object.entries(SERVED)) {
  test(`the gate is to ask ${word}`, () => assert.deepEqual(entriesFor(word), [entry]))
}

const SAID: Readonly<Record<string, RegExp>> = {
  auto: /^\/etc\/nix\/nix\.conf:1 names auto in substituters: that is this machine's own store/,
  'unix:///run/other': /which the gate cannot ask: it cannot ask a store of the kind unix:\/\/; take it out/,
  'http://user:pw@cache.example.org': /names http:\/\/\*\*\*@cache\.example\.org .*"https:\/\/" alone/,
  'ssh://user:pw@host': /names ssh:\/\/\*\*\*@host .*must not have a password/,
  'https://u:p?w@host': /cannot ask: its address is malformed/,
  nonsense: /neither the address of a store nor an absolute path/,
  'file://host/x': /must be of this machine/,
  's3://b/prefix': /must not have a path/,
  'https://x?store=/gnu/store': /its paths are not in \/nix\/store/,
  'https://x.example?trusted=1': /has "trusted", which means nothing to nixsig: list the key/,
  'https://x.example?token=pw': /has the parameter token, which is not carried over/,
}

for (const [word, sentence] of Object.entries(SAID)) {
  test(`it is said of ${word}`, () => {
    const { notes, obstacles } = carry(`substituters = ${word}`)
    const said = [...notes, ...obstacles]
    assert.equal(said.length, 1, said.join('\n'))
    assert.match(said[0] ?? '', sentence)
  })
}

test('one cache in several spellings is one upstream, with the first priority and any password', () => {
  const words = 'https://C.example/?priority=3 https://c.example:443 https://u:pw@c.example?priority=9'
  const { upstreams } = carry(`substituters = ${words}`)
  assert.deepEqual(
    upstreams.map(({ url, priority, authorization }) => [url, priority, authorization]),
    [['https://c.example', 3, `Basic ${Buffer.from('u:pw').toString('base64')}`]],
  )
})

test('property: each substituter is asked, or named in what is said; and no secret is shown', () => {
  const secret = 'TOPSECRET'
  const host = fc.constantFrom(
    'a.example',
    'B.example',
    'c.example:443',
    '10.0.0.1:80',
    'd',
    '[::1]:5000',
    'b%41d',
  )
  const user = fc.constantFrom(
    '',
    `me:${secret}@`,
    `me:${secret}%2f@`,
    'who:@',
    `me:x/${secret}@`,
    `me:?${secret}@`,
  )
  const scheme = fc.constantFrom(
    'https://',
    'http://',
    's3://',
    'ssh://',
    'ssh-ng://',
    'file:///',
    'unix://',
    'HTTPS://',
    'local://',
    '',
  )
  const parameter = fc.constantFrom(
    'priority=10',
    'priority=-1',
    'priority=x',
    'want-mass-query=true',
    'trusted=1',
    `token=${secret}`,
    'region=eu',
    'profile=p',
    'compression=xz',
    'root=/mnt',
    'state=/x',
    'ssh-key=/k',
    'root=/mnt',
    'store=/nix/store',
    `${secret}`,
  )
  const word = fc.oneof(
    fc
      .tuple(
        scheme,
        user,
        host,
        fc.constantFrom('', '/', '/path/', '//', '/../x'),
        fc.array(parameter, { maxLength: 4 }),
      )
      .map(([s, u, h, p, q]) => `${s}${u}${h}${p}${q.length === 0 ? '' : `?${q.join('&')}`}`),
    fc.constantFrom(
      'auto',
      'daemon',
      'local',
      'local?root=/',
      '/',
      '/mnt/',
      '/mnt/../x',
      './x',
      'local?root=/mnt',
    ),
    fc
      .string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
      .map(text => text.replace(/[\s#]/g, '') || 'x'),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), words => {
      for (const one of words) {
        const carried = carry(`substituters = ${one}`)
        const { upstreams } = policyOf(textFor(carried)).gate
        const said = [...carried.notes, ...carried.obstacles]
        assert.ok(upstreams.length === 1 || said.some(text => text.includes('in substituters')), one)
        assert.equal(upstreams.length + carried.left.length, one.trim() === '' ? 0 : 1)
      }
      const carried = carry(`substituters = ${words.join(' ')}\ntrusted-substituters = ${words.join(' ')}`)
      const text = textFor(carried)
      policyOf(text)
      const shown = [text, ...carried.notes, ...carried.obstacles].join('\n')
      const inPath = words.some(one => /^[^@]*:\/\/[^@?]*TOPSECRET/.test(one) && !one.includes('@'))
      if (!inPath) assert.ok(!shown.includes(secret), shown)
      assert.doesNotMatch(shown, /[^\n\x20-\x7e]/)
    }),
  )
})

test('the netrc-file of nix.conf is the gate’s, and Nix’s own default if there is one', () => {
  const files = { isThere: () => true, problem: () => undefined }
  assert.equal(policyOf(textFor(carry('', { files }))).gate.netrcFile, '/etc/nix/netrc')
  assert.equal(carry('').netrcFile, undefined)
  assert.equal(carry('netrc-file = /there/n').netrcFile, '/there/n')
  assert.match(carry('netrc-file = /gone').notes[0] ?? '', /there is no such file/)
  const bad = { isThere: () => true, problem: () => '/there/n is writable by others (chmod go-w /there/n)' }
  assert.match(
    carry('netrc-file = /there/n', { files: bad }).obstacles[0] ?? '',
    /nix\.conf:1 .* writable by others/,
  )
})

function http(variables: Readonly<Record<string, string>>) {
  const environment: HttpEnvironment = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, { value, origin: `${name} in the unit` }]),
  )
  const carried = carry('', { environment })
  return { ...carried, policy: policyOf(textFor(carried)).http }
}

test('a proxy of Nix’s environment is the policy’s, without the password in it', () => {
  const { policy, ...carried } = http({
    https_proxy: 'http://me:TOPSECRET@Proxy.example:3128/',
    no_proxy: 'localhost,.lan, 10.0.0.7,::1,10.0.0.0/8 *.corp',
    NIX_SSL_CERT_FILE: '/there/ca.pem',
  })
  assert.deepEqual(policy, {
    proxy: 'http://proxy.example:3128',
    proxyAuthorization: '/etc/nixsig/secrets/from-nix-conf/proxy',
    noProxy: ['localhost', 'lan', '10.0.0.7', '[::1]', 'corp'],
    certificates: '/there/ca.pem',
  })
  assert.equal(carried.http.secret?.value, `Basic ${Buffer.from('me:TOPSECRET').toString('base64')}`)
  assert.match(carried.notes.join('\n'), /10\.0\.0\.0\/8 among the hosts without a proxy/)
  assert.doesNotMatch(textFor(carried) + carried.notes.join(''), /TOPSECRET/)
})

test('what the gate will not have of the environment of Nix is said', () => {
  const environment = { AWS_PROFILE: { value: 'TOPSECRET', origin: 'AWS_PROFILE in the unit' } }
  assert.deepEqual(carry('', { environment }).notes, [])
  const [note = ''] = carry('substituters = s3://b', { environment }).notes
  assert.match(note, /^AWS_PROFILE in the unit is not seen by the gate.*credentials/)
})

test('a proxy that nixsig cannot use is in the way; one that is switched off is none', () => {
  assert.match(
    http({ all_proxy: 'socks5://u:TOPSECRET@h:1080' }).obstacles[0] ?? '',
    /^all_proxy in the unit names the proxy socks5:\/\/\*\*\*@h:1080, and nixsig can only/,
  )
  assert.equal(http({ all_proxy: 'proxy:3128' }).policy.proxy, 'http://proxy:3128')
  assert.equal(http({ https_proxy: 'http://p:1', no_proxy: '*' }).policy.proxy, undefined)
  assert.match(http({ https_proxy: 'http://p:1', http_proxy: 'http://q:1' }).notes[0] ?? '', /another proxy/)
  assert.equal(
    http({ NIX_SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt' }).policy.certificates,
    undefined,
  )
})
