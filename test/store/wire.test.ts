import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encode,
  MAX_LIST,
  MAX_STRING,
  readBoolean,
  readList,
  readNumber,
  readString,
  skipNumbers,
} from '../../src/store/wire.ts'
import { readAll } from '../support/read-all.ts'

test('a number is eight bytes, the lowest first', () => {
  assert.deepEqual([...encode(0x6e697863)], [0x63, 0x78, 0x69, 0x6e, 0, 0, 0, 0])
})

test('a string is its length in bytes, its bytes, and zeros up to a multiple of eight', () => {
  assert.deepEqual([...encode('ü')], [2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xbc, 0, 0, 0, 0, 0, 0])
  assert.equal(encode('12345678').length, 16)
  assert.equal(encode('').length, 8)
})

test('what is written is read back, and nothing after it is touched', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const number = fc.nat({ max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(number, text, fc.array(text), fc.boolean(), fc.nat(50), (n, s, list, flag, left) => {
      function* all() {
        return [
          yield* readNumber('n'),
          yield* readString('s'),
          yield* readList('l', readString),
          yield* readBoolean('b'),
        ]
      }
      const bytes = Buffer.concat([encode(n, s, list, Number(flag)), Buffer.alloc(left, 0xff)])
      assert.deepEqual(readAll(all(), bytes), { value: [n, s, list, flag], left })
    }),
  )
})

test('a number that cannot be represented exactly is refused, and can be skipped', () => {
  const bytes = Buffer.alloc(8, 0xff)
  assert.throws(() => readAll(readNumber('size'), bytes), /^FormatError: worker protocol: .*2\^53 \(size\)/)
  assert.deepEqual(readAll(skipNumbers(1), bytes), { value: undefined, left: 0 })
  assert.throws(() => encode(-1), RangeError)
  assert.throws(() => encode(0.5), RangeError)
})

test('a boolean is 0 or 1', () => {
  assert.throws(() => readAll(readBoolean('valid'), encode(2)), /neither 0 nor 1 \(valid\)/)
})

test('padding that is not zero is refused', () => {
  const bytes = Buffer.from(encode('abc'))
  bytes[15] = 1
  assert.throws(() => readAll(readString('path'), bytes), /padding that is not zero \(path\)/)
})

test('the longest string is read; one that is longer is refused by its length alone', () => {
  assert.equal(readAll(readString('s'), encode('a'.repeat(MAX_STRING))).value.length, MAX_STRING)
  assert.throws(() => readAll(readString('s'), encode(MAX_STRING + 1)), /a string of 1048577 bytes \(s\)/)
})

test('a list that is too long is refused by its length alone', () => {
  assert.throws(
    () => readAll(readList('l', readString), encode(MAX_LIST + 1)),
    /a list of 1000001 items \(l\)/,
  )
})

test('bytes that are not UTF-8 become U+FFFD and are not an error', () => {
  const bytes = Buffer.from(encode('a?b'))
  bytes[9] = 0xff
  assert.equal(readAll(readString('signature'), bytes).value, 'a\ufffdb')
})
