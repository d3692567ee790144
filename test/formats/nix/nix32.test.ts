import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { fromNix32, nix32Length, toNix32 } from '../../../src/formats/nix/nix32.ts'
import { fromHex, toHex } from '../../../src/primitives/hex.ts'
import { privateNix } from '../../support/private-nix.ts'
import { refuses } from '../../support/refuses.ts'

const nix = privateNix()
after(nix.remove)

// Hex and Nix32 of the same bytes, as printed in the Nix manual and in nixpkgs.
const KNOWN: readonly (readonly [hex: string, nix32: string])[] = [
  ['', ''],
  ['1f', '0z'],
  ['ff', '7z'],
  // sha256 of nothing
  [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73',
  ],
  // sha1 and md5 of nothing
  ['da39a3ee5e6b4b0d3255bfef95601890afd80709', '143xibwh31h9bvxzalr0sjvbbvpa6ffs'],
  ['d41d8cd98f00b204e9800998ecf8427e', '3y8bwfr609h3lh9ch0izcqq7fl'],
]

test('agrees with published values', () => {
  for (const [hex, text] of KNOWN) {
    assert.equal(toNix32(fromHex(hex)), text)
    assert.equal(toHex(fromNix32(text)), hex)
  }
})

test('agrees with nix-hash on every kind of hash', () => {
  const lengths = [
    ['md5', 16],
    ['sha1', 20],
    ['sha256', 32],
    ['sha512', 64],
  ] as const
  for (const [algorithm, length] of lengths) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 89 + 7) & 255)
    const text = nix.say('nix-hash', '--type', algorithm, '--to-base32', toHex(bytes))
    assert.equal(toNix32(bytes), text)
    assert.equal(nix.say('nix-hash', '--type', algorithm, '--to-base16', text), toHex(bytes))
  }
})

test('reads back what it writes, at any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
      const text = toNix32(bytes)
      assert.equal(text.length, nix32Length(bytes.length))
      assert.deepEqual(fromNix32(text), bytes)
    }),
  )
})

test('accepts only one text for a value', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'0123456789abcdfghijklmnpqrsvwxyz'), maxLength: 60 }),
      text => {
        let bytes: Uint8Array
        try {
          bytes = fromNix32(text)
        } catch {
          return
        }
        assert.equal(toNix32(bytes), text)
      },
    ),
  )
})

test('refuses bits beyond the last byte', () => {
  refuses(() => fromNix32('8z'), /nix32: bits set beyond the last byte \(offset 0\)/)
  refuses(() => fromNix32(`2${'0'.repeat(51)}`), /beyond the last byte/)
  assert.equal(toHex(fromNix32(`1${'0'.repeat(51)}`)), `${'00'.repeat(31)}80`)
})

test('refuses a length that no number of bytes has', () => {
  for (const length of [1, 3, 6, 9, 33, 51]) {
    refuses(() => fromNix32('0'.repeat(length)), /nix32: not the length of whole bytes/)
  }
})

test('refuses letters that are not digits', () => {
  for (const letter of ['e', 'o', 't', 'u', 'A', ' ', '-', '\u0660', '\0']) {
    refuses(() => fromNix32(`0${letter}`), /nix32: ".+" is not a digit \(offset 1\)/)
  }
})
