import assert from 'node:assert/strict'
import { test } from 'node:test'
import { locationOf, nameBelow } from '../../../src/evidence/upstreams/location.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const BASE = 'https://cache.example/nix'

for (const [name, url] of [
  ['nar/x.nar.xz', `${BASE}/nar/x.nar.xz`],
  ['nar/x.nar?hash=0abc', `${BASE}/nar/x.nar?hash=0abc`],
  [`${BASE}/nar/x.nar`, `${BASE}/nar/x.nar`],
  ['nar/a%20b.nar', `${BASE}/nar/a%20b.nar`],
] as const) {
  test(`${name} is below the cache`, () => {
    assert.equal(locationOf(BASE, name), url)
    assert.equal(nameBelow(BASE, name), url.slice(BASE.length + 1))
  })
}

for (const name of [
  'http://cache.example/nix/x.nar',
  'https://cache.example:8443/nix/x.nar',
  'https://cache.example/other/x.nar',
  'https://cache.example/nixx/x.nar',
  'https://cache.example.evil/nix/x.nar',
  'https://me@cache.example/nix/x.nar',
  'https://cache.example@192.0.2.1/nix/x.nar',
  'HTTPS://cache.example/nix/x.nar',
  'https://CACHE.example/nix/x.nar',
  'https://cache.example:443/nix/x.nar',
  'https:cache.example/nix/x.nar',
  '//192.0.2.1/x.nar',
  '/x.nar',
  '../x.nar',
  './../x.nar',
  './.',
  'nar/../../x.nar',
  'nar/..',
  '%2e%2e/x.nar',
  'nar/%2E%2e/x.nar',
  '%252e%252e/x.nar',
  '..%2fx.nar',
  'nar%2f..%2f..%2fx.nar',
  '..%5cx.nar',
  '..\\x.nar',
  '#x.nar',
  'file:///etc/shadow',
  'data:,x',
  'nar/x y.nar',
  'nar/x\u0007.nar',
]) {
  test(`attack: a NAR at ${JSON.stringify(name)} is not passed on`, () => {
    assert.throws(() => locationOf(BASE, name), FormatError)
  })
}

test('what Nix reads as an address below the cache is one', () => {
  for (const [name, address] of [
    ['./nar/x.nar', 'nar/x.nar'],
    ['nar/./y/../x.nar', 'nar/x.nar'],
    ['nar//x.nar', 'nar//x.nar'],
    ['nar/x.nar?hash=../0', 'nar/x.nar?hash=../0'],
    ['nar/x.nar#part', 'nar/x.nar'],
    ["nar/{x}|'.nar", 'nar/%7Bx%7D%7C%27.nar'],
    ['/nix/nar/x.nar', 'nar/x.nar'],
  ] as const) {
    assert.equal(locationOf(BASE, name), `${BASE}/${address}`, name)
  }
})

test('a directory has its files below itself', () => {
  assert.equal(nameBelow('file:///srv/cache', 'nar/x.nar'), 'nar/x.nar')
  for (const name of [
    'file:///srv/cachex/x.nar',
    'file:///etc/shadow',
    'file://host/srv/cache/x.nar',
    '../x',
  ]) {
    assert.throws(() => nameBelow('file:///srv/cache', name), FormatError)
  }
})
