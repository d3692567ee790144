import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Derivation } from '../../../src/formats/nix/derivation.ts'
import { addressesOf } from '../../../src/formats/nix/fetched-urls.ts'

function addresses(urls: string): readonly string[] {
  const partial: Partial<Derivation> = { env: [['urls', urls]] }
  return addressesOf(partial as Derivation)
}

test('an address has one spelling, and mirror:// the one that is written', () => {
  assert.deepEqual(addresses('HTTPS://FTP.gnu.org:443/a/../b#c mirror://gnu/hello/../x.tar.gz'), [
    'https://ftp.gnu.org/b',
    'mirror://gnu/hello/../x.tar.gz',
  ])
})

test('attack: an address with a user name that reads like a host is none', () => {
  assert.deepEqual(addresses('https://ftp.gnu.org@evil.example/ https://ftp.gnu.org:x@evil.example/'), [])
})

test('addresses are bounded in number and length, and only those of the field count', () => {
  const many = Array.from({ length: 100 }, (_, index) => `https://a.example/${index}`).join(' ')
  assert.equal(addresses(many).length, 64)
  assert.deepEqual(addresses(`https://a.example/${'x'.repeat(2000)} file:///etc/x data:,x javascript:x`), [])
})
