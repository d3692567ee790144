import assert from 'node:assert/strict'
import { test } from 'node:test'
import { carry, policyOf, textFor } from './carrying.ts'

const KEY = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='
const OTHER = 'mine:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU='

const written = (conf: string) => textFor(carry(conf))
const upstreamsFor = (conf: string) => policyOf(written(conf)).gate.upstreams.map(({ url }) => url)

test('it is a policy that warns, and trusts for outputs whom Nix trusted: its cache', () => {
  const { mode, principals, groups, rules, fallback, attestations } = policyOf(written(''))
  assert.deepEqual([mode, rules.length], ['warn', 0])
  assert.deepEqual([...principals.keys()], ['cache-nixos-org-1'])
  assert.deepEqual(groups.get('caches')?.members, ['cache-nixos-org-1'])
  assert.deepEqual(groups.get('makers')?.members, ['self', 'caches'])
  assert.deepEqual(
    [...groups.values()].map(({ threshold }) => threshold),
    [1, 1],
  )
  assert.deepEqual(attestations, ['/etc/nixsig/attestations'])
  assert.match(written(''), /^require\.source = "refuse"$/m)
  assert.match(written(''), /^require\.output = "makers"$/m)
  assert.equal(fallback.acceptUnknownDerivation, true)
})

test('without keys in nix.conf it trusts nobody, and requires this machine for outputs', () => {
  const { principals, groups, fallback } = policyOf(written('trusted-public-keys ='))
  assert.deepEqual([principals.size, groups.size], [0, 0])
  assert.match(written('trusted-public-keys ='), /^require\.output = "self"$/m)
  assert.equal(fallback.acceptUnknownDerivation, false)
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

test('what the gate need not or cannot ask is in a comment, and it does not ask itself', () => {
  const text = written(
    'substituters = dummy://x daemon weird://y http://127.0.0.1:4649 http://127.0.0.1:80/x',
  )
  assert.deepEqual(
    policyOf(text).gate.upstreams.map(({ url }) => url),
    ['http://127.0.0.1/x'],
  )
  for (const word of ['dummy://x', 'daemon', 'weird://y', 'http://127.0.0.1:4649'])
    assert.match(text, new RegExp(`^# not taken over: ${word} \\(`, 'm'))
})

test('users’ caches and keys are comments', () => {
  const carried = carry('trusted-substituters = https://u.example?priority=4', {
    userKeys: [
      { user: 'ann', word: OTHER },
      { user: 'ann', word: 'not-a-key:AAAA' },
      { user: 'ben', word: KEY },
    ],
  })
  const text = textFor(carried)
  assert.match(text, /^# \{ url = "https:\/\/u\.example", priority = 4 \},$/m)
  assert.match(text, /^# \[principals\.mine\] {3}# ann\n# keys = \["mine:2vse/m)
  assert.equal(policyOf(text).principals.size, 1)
  assert.ok(!text.includes('not-a-key') && !text.includes('ben'))
})

test('keys become principals by their names: clean, and each once', () => {
  const others = [1, 2, 3].map(byte => `caches:${Buffer.alloc(32, byte).toString('base64')}`)
  const conf = `trusted-public-keys = ${KEY} again:${KEY.split(':')[1]} ${others.join(' ')} self:AAAA ${OTHER}`
  const { keys, leftKeys } = carry(conf, { ownKeys: new Set([OTHER.split(':')[1] ?? '']) })
  assert.equal(keys[0]?.principal, 'cache-nixos-org-1')
  assert.deepEqual(leftKeys.map(({ shown }) => shown).slice(0, 1), ['again'])
  assert.match(leftKeys.find(({ shown }) => shown === 'self')?.why ?? '', /no public key in the form of Nix/)
  assert.match(leftKeys.find(({ shown }) => shown === 'mine')?.why ?? '', /key of this machine/)
  assert.equal(new Set(keys.map(({ principal }) => principal)).size, keys.length)
  policyOf(written(conf))
})

test('a key for which anybody can make up signatures does not become a principal', () => {
  const { keys, leftKeys } = carry(`trusted-public-keys = weak:${Buffer.alloc(32).toString('base64')}`)
  assert.deepEqual(keys, [])
  assert.match(leftKeys[0]?.why ?? '', /the policy does not take it: /)
})

test('attack: words of nix.conf that are TOML, or would hide something in a terminal, stay data', () => {
  const hostile = [
    'https://x.example/"]\u2028mode="enforce"',
    'x"\u0007\u0085[principals.mallory]',
    `"${KEY}`,
    'https://\u202eexample',
    'local?root=/\u202e',
    '/\u007f',
  ]
  for (const word of hostile) {
    const plain = word.replaceAll(' ', '')
    const carried = carry(
      `substituters = ${plain}\ntrusted-substituters = ${plain}\ntrusted-public-keys = ${plain}\nnetrc-file = /there/${plain}`,
      { userKeys: [{ user: 'ann', word: plain }] },
    )
    const text = textFor({ ...carried, netrcFile: undefined })
    const policy = policyOf(text)
    assert.equal(policy.mode, 'warn')
    assert.ok([...policy.principals.keys()].every(name => name === 'cache-nixos-org-1'))
    assert.doesNotMatch(text + carried.notes.join('') + carried.obstacles.join(''), /[^\n\x20-\x7e]/)
  }
})

test('caches beyond the policy’s limit are in the way, and the policy stays valid', () => {
  const many = Array.from({ length: 40 }, (_, index) => `https://c${index}.example`)
  const carried = carry(`substituters = ${many.join(' ')}`)
  assert.equal(policyOf(textFor(carried)).gate.upstreams.length, 32)
  assert.equal(carried.obstacles.length, 8)
  assert.match(carried.obstacles[0] ?? '', /nix\.conf:1 names https:\/\/c32\.example .*can have 32 upstreams/)
})
