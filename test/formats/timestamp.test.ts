import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimestamp, printTimestamp } from '../../src/formats/timestamp.ts'

test('converts seconds since 1970 both ways', () => {
  assert.equal(printTimestamp(0), '1970-01-01T00:00:00Z')
  assert.equal(parseTimestamp('2026-02-28T23:59:59Z'), Date.UTC(2026, 1, 28, 23, 59, 59) / 1000)
  assert.equal(printTimestamp(parseTimestamp('2024-02-29T12:00:00Z')), '2024-02-29T12:00:00Z')
})

test('drops fractions of a second', () => {
  assert.equal(parseTimestamp('1970-01-01T00:00:01.999Z'), 1)
})

for (const text of [
  '2026-02-30T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:00:60Z',
  '2026-13-01T00:00:00Z',
  '2026-01-01T00:00:00',
  '2026-01-01T00:00:00+00:00',
  '2026-01-01 00:00:00Z',
  '2026-01-01T00:00:00z',
  '+02026-01-01T00:00:00Z',
  '2026-01-01',
  '1767225600',
  '',
]) {
  test(`refuses "${text}"`, () => assert.throws(() => parseTimestamp(text), /not an RFC 3339 time in UTC/))
}
