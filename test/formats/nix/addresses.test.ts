import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Derivation } from '../../../src/formats/nix/derivation.ts'
import { addressesOf } from '../../../src/formats/nix/fetched-urls.ts'

function addresses(urls: string): readonly string[] {
  const partial: Partial<Derivation> = { env: [['urls', urls]] }
  return addressesOf(partial as Derivation)
}

test('attack: an address has one spelling, whatever a derivation makes of it', () => {
  const spellings: Readonly<Record<string, string>> = {
    'HTTPS://FTP.gnu.org:443/a/../b#c': 'https://ftp.gnu.org/b',
    'https://ftp.gnu.org./b': 'https://ftp.gnu.org/b',
    'https://ftp%2Egnu%2eorg/%62': 'https://ftp.gnu.org/b',
    'https://ftp.gnu.org/a/%2E%2e/b': 'https://ftp.gnu.org/b',
    'https://ftp.gnu.org/%e4%7E': 'https://ftp.gnu.org/%E4~',
    'https://ftp.gnu.org/b?x#c': 'https://ftp.gnu.org/b?x',
    'mirror://gnu/hello/../x.tar.gz': 'mirror://gnu/x.tar.gz',
    'MIRROR://gnu/hello/%2e%2E/%78.tar.gz#/hello/': 'mirror://gnu/x.tar.gz',
  }
  for (const [written, address] of Object.entries(spellings)) assert.deepEqual(addresses(written), [address])
})

test('attack: a user name that reads like a host is no part of an address', () => {
  const both = 'https://ftp.gnu.org@evil.example/ https://ftp.gnu.org:x@evil.example/ mirror://gnu@evil/x'
  assert.deepEqual(addresses(both), ['https://evil.example/', 'mirror://evil/x'])
})

test('attack: what programs read differently is no address', () => {
  const odd = [
    'https://ftp.gnu.org\\@evil.example/',
    'https://ftp.gnu.org/hello\\..\\x',
    'https://ftp.gnu.org/hello/..%2fx',
    'https://ftp.gnu.org/hello%2F..',
    'https://ftp.gnu.org/hello/%2e%2e%5Cx',
    'mirror://gnu/hello/..%2Fx',
    'mirror://gnu/hello\\..\\x',
  ]
  assert.deepEqual(addresses(odd.join(' ')), [])
})

test('addresses are bounded in number and length, and only those of the field count', () => {
  const many = Array.from({ length: 100 }, (_, index) => `https://a.example/${index}`).join(' ')
  assert.equal(addresses(many).length, 64)
  assert.deepEqual(addresses(`https://a.example/${'x'.repeat(2000)} file:///etc/x data:,x javascript:x`), [])
})
