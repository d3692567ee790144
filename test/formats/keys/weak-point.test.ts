import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWeakPoint } from '../../../src/formats/keys/weak-point.ts'
import { fromHex } from '../../../src/primitives/hex.ts'
import { publicKeyOf } from '../../policy/policies.ts'

const ONES = 'ff'.repeat(30)
const ZEROS = '00'.repeat(30)

// Of orders 1, 2, 4, 8, 8. The highest bit is the sign of x.
for (const point of [
  `01${ZEROS}00`,
  `ec${ONES}7f`,
  `00${ZEROS}00`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]) {
  test(`the point of small order ${point.slice(0, 8)}… is weak with either sign`, () => {
    const bytes = fromHex(point)
    assert.ok(isWeakPoint(bytes))
    assert.ok(isWeakPoint(bytes.with(31, (bytes[31] ?? 0) | 0x80)))
  })
}

test('encodings that are not reduced are weak', () => {
  for (let low = 0xed; low <= 0xff; low++) assert.ok(isWeakPoint(fromHex(`${low.toString(16)}${ONES}7f`)))
})

test('honest keys are not weak', () => {
  for (let i = 0; i < 100; i++) assert.equal(isWeakPoint(publicKeyOf(`key ${i}`)), false)
})
