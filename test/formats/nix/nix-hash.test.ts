import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNixHash, printNixHash } from '../../../src/formats/nix/nix-hash.ts'
import { refuses } from '../../support/refuses.ts'

const NOTHING = {
  algorithm: 'sha256',
  hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
} as const

test('reads base 32, hex and base 64 as the same hash', () => {
  assert.deepEqual(parseNixHash('sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'), NOTHING)
  assert.deepEqual(parseNixHash(`sha256:${NOTHING.hash}`), NOTHING)
  assert.deepEqual(parseNixHash('sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='), NOTHING)
})

test('prints what Nix prints', () => {
  assert.equal(printNixHash(NOTHING), 'sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73')
})

test('refuses a hash of another length than its algorithm has', () => {
  refuses(() => parseNixHash(`sha256:${NOTHING.hash.slice(2)}`), /hash: not the length of sha256/)
  refuses(() => parseNixHash(`sha1:${NOTHING.hash}`), /hash: not the length of sha1/)
  refuses(() => parseNixHash('sha256-47DEQg=='), /hash: not the length of sha256/)
})

test('refuses algorithms that Nix does not know, and property names of JavaScript objects', () => {
  for (const algorithm of ['sha3', 'SHA256', 'constructor', 'toString', 'hasOwnProperty']) {
    refuses(() => parseNixHash(`${algorithm}:${NOTHING.hash}`), /hash: names no known algorithm/)
  }
})

test('refuses other spellings', () => {
  refuses(() => parseNixHash(NOTHING.hash), /names no known algorithm/)
  refuses(() => parseNixHash(`sha256:${NOTHING.hash.toUpperCase()}`), /not a lower-case hexadecimal digit/)
  refuses(
    () => parseNixHash('sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU'),
    /not standard padded base64/,
  )
  refuses(
    () => parseNixHash('sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=?x'),
    /not standard padded base64/,
  )
  refuses(() => parseNixHash('sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='), /hash|hex/)
  refuses(
    () => parseNixHash(`sha256:${NOTHING.hash}\n`),
    /hex: odd number of digits|names no known algorithm/,
  )
})
