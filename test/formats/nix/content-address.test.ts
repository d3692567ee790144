import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseContentAddress,
  parseHashedBy,
  printContentAddress,
  printHashedBy,
} from '../../../src/formats/nix/content-address.ts'
import { refuses } from '../../support/refuses.ts'

const SHA256 = '0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'
const SHA1 = '143xibwh31h9bvxzalr0sjvbbvpa6ffs'

test('reads and prints content addresses of each method', () => {
  const methods = { '': 'flat', 'r:': 'recursive', 'git:': 'git' } as const
  for (const [prefix, method] of Object.entries(methods)) {
    const text = `fixed:${prefix}sha1:${SHA1}`
    const address = parseContentAddress(text)
    assert.deepEqual(address, { method, algorithm: 'sha1', hash: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' })
    assert.equal(printContentAddress(address), text)
  }
  const text = `text:sha256:${SHA256}`
  assert.equal(parseContentAddress(text).method, 'text')
  assert.equal(printContentAddress(parseContentAddress(text)), text)
})

test('refuses content addresses of other forms', () => {
  const texts = [
    '',
    'fixed:',
    `sha256:${SHA256}`,
    `r:sha256:${SHA256}`,
    `fixed:text:sha256:${SHA256}`,
    `text:r:sha256:${SHA256}`,
    `text:git:sha1:${SHA1}`,
    `fixed:r:r:sha256:${SHA256}`,
    `fixed:r:sha256:${SHA256} `,
    `fixed:r:sha256:${SHA256}\n`,
  ]
  for (const text of texts) refuses(() => parseContentAddress(text), /content address: unknown form/)
  refuses(() => parseContentAddress(`fixed:r:${SHA256}`), /unknown form|names no known algorithm/)
  refuses(() => parseContentAddress(`fixed:sha9:${SHA256}`), /names no known algorithm/)
})

test('reads and prints the method and algorithm of an output', () => {
  for (const text of ['sha256', 'r:sha256', 'text:sha256', 'git:sha1', 'md5', 'r:sha512', 'blake3']) {
    assert.equal(printHashedBy(parseHashedBy(text)), text)
  }
  for (const text of ['', 'r:', 'r', 'sha3', 'R:sha256', 'nar:sha256', 'sha256 ', 'r:sha256\n', 'toString']) {
    refuses(() => parseHashedBy(text), /content address: not a method and algorithm/)
  }
})
