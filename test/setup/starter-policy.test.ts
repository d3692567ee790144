import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { parseNixConf } from '../../src/setup/nix-conf.ts'
import { starterPolicy } from '../../src/setup/starter-policy.ts'

const KEY = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='

function textFor(conf: string): string {
  const settings = parseNixConf(conf, '/etc/nix/nix.conf').filter(line => line.kind === 'setting')
  return starterPolicy(settings, '/etc/nixsig/attestations')
}

function policyOf(toml: string): Policy {
  return parsePolicy({
    toml,
    file: 'policy.toml',
    directory: '/etc/nixsig',
    certificate: () => assert.fail(),
  })
}

function upstreamsFor(conf: string): readonly string[] {
  return policyOf(textFor(conf)).gate.upstreams.map(({ url }) => url)
}

test('it is a policy that warns, trusts nobody, and requires this machine for outputs', () => {
  const { mode, principals, groups, rules, fallback, attestations } = policyOf(textFor(''))
  assert.deepEqual([mode, principals.size, groups.size, rules.length], ['warn', 0, 0, 0])
  assert.deepEqual(attestations, ['/etc/nixsig/attestations'])
  assert.match(JSON.stringify(fallback), /refuse/)
})

test('the gate asks the caches that Nix asked: those in effect, or Nix’s default', () => {
  assert.deepEqual(upstreamsFor(''), ['https://cache.nixos.org'])
  assert.deepEqual(upstreamsFor('substituters ='), [])
  assert.deepEqual(upstreamsFor('extra-substituters = https://mine.example/'), [
    'https://cache.nixos.org',
    'https://mine.example',
  ])
  assert.deepEqual(
    upstreamsFor(
      'substituters = https://a.example\nbinary-caches = file:///srv/b?priority=3 https://a.example',
    ),
    ['file:///srv/b', 'https://a.example'],
  )
})

test('caches that the gate cannot ask are listed in a comment, and the gate does not ask itself', () => {
  const text = textFor(
    'substituters = s3://bucket ssh://host daemon /mnt http://127.0.0.1:4649 http://127.0.0.1:80/x',
  )
  assert.deepEqual(
    policyOf(text).gate.upstreams.map(({ url }) => url),
    ['http://127.0.0.1/x'],
  )
  for (const word of ['s3://bucket', 'ssh://host', 'daemon', '/mnt']) {
    assert.match(text, new RegExp(`^# not taken over.*: ${word}$`, 'm'))
  }
})

test('the keys that nix.conf trusted are in comments, ready to be used', () => {
  const text = textFor(`trusted-public-keys = ${KEY} not-a-key:AAAA`)
  assert.equal(policyOf(text).principals.size, 0)
  assert.match(text, /^# \[principals\.cache-1\] .*\n# keys = \["cache\.nixos\.org-1:6NCH/m)
  assert.ok(!text.includes('not-a-key'))
  const listed = text.replace(/^# (\[principals\.cache-1\].*)\n# (keys.*)$/m, '$1\n$2')
  assert.deepEqual([...policyOf(listed).principals.keys()], ['cache-1'])
})

test('attack: words of nix.conf that are TOML, or would hide something in a terminal, stay data', () => {
  const hostile = [
    'https://x.example/"]\u2028mode="enforce"',
    'x"\u0007\u0085[principals.mallory]',
    `"${KEY}`,
    'https://\u202eexample',
  ]
  for (const word of hostile) {
    const bytes = Buffer.from(word, 'utf8').toString('latin1').replaceAll(' ', '')
    const text = textFor(`substituters = ${bytes}\ntrusted-public-keys = ${bytes}\n`)
    const policy = policyOf(text)
    assert.deepEqual([policy.mode, policy.principals.size], ['warn', 0])
    assert.doesNotMatch(text, /[^\n\x20-\x7e]/)
  }
})

test('attack: a password in an address of nix.conf is not copied into a world-readable file', () => {
  const text = textFor(
    'substituters = https://me:secret@cache.example s3://bucket?access=secret https://c.example?token=secret',
  )
  assert.doesNotMatch(text, /secret/)
})

test('caches beyond the policy’s limit are listed in comments, and the policy stays valid', () => {
  const many = Array.from({ length: 40 }, (_, index) => `https://c${index}.example`)
  const text = textFor(`substituters = ${many.join(' ')}`)
  assert.equal(policyOf(text).gate.upstreams.length, 32)
  assert.equal(text.match(/^# not taken over/gm)?.length, 8)
})
