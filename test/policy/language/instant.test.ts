import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseInstant } from '../../../src/policy/language/instant.ts'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { sourceOf } from '../policies.ts'

/**
 * Seconds since 1970, computed by counting days (Howard Hinnant, chrono-compatible low-level date
 * algorithms).
 */
function secondsOf([year, month, day, hour, minute, second, offset]: readonly number[]): number {
  const [y = 0, m = 0, d = 0] = [year, month, day]
  const shifted = m <= 2 ? y - 1 : y
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (m + (m > 2 ? -3 : 9)) + 2) / 5) + d - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  const days = era * 146_097 + dayOfEra - 719_468
  return days * 86_400 + (hour ?? 0) * 3600 + (minute ?? 0) * 60 + (second ?? 0) - (offset ?? 0) * 60
}

function lengthOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31
}

const two = (value: number) => String(value).padStart(2, '0')

/** Years around the changes of leap rules, and fields a little beyond their range. */
const parts = fc.record({
  year: fc.constantFrom(1970, 1972, 1999, 2000, 2023, 2024, 2026, 2099, 2100, 2400, 9999),
  month: fc.integer({ min: 0, max: 14 }),
  day: fc.integer({ min: 0, max: 33 }),
  hour: fc.integer({ min: 0, max: 26 }),
  minute: fc.constantFrom(0, 1, 30, 58, 59, 60, 61, 99),
  second: fc.constantFrom(0, 1, 30, 58, 59, 60, 61, 99),
  offsetHour: fc.constantFrom(0, 0, 1, 14, 23, 24, 99),
  offsetMinute: fc.constantFrom(0, 0, 30, 59, 60, 99),
  zone: fc.constantFrom('Z', 'z', '+', '-', ''),
  between: fc.constantFrom('T', 't', ' ', '_', ''),
})

type Parts = typeof parts extends fc.Arbitrary<infer T> ? T : never

function written(it: Parts): string {
  const zone =
    '+-'.includes(it.zone) && it.zone !== ''
      ? `${it.zone}${two(it.offsetHour)}:${two(it.offsetMinute)}`
      : it.zone
  const time = `${two(it.hour)}:${two(it.minute)}:${two(it.second)}`
  return `${it.year}-${two(it.month)}-${two(it.day)}${it.between}${time}${zone}`
}

/** The time that a text means; undefined if it is not a time. */
function meant(it: Parts): number | undefined {
  const { year, month, day, hour, minute, second, zone } = it
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= lengthOf(year, month)
  const isTime = hour < 24 && minute < 60 && second < 60
  const hasOffset = zone === '+' || zone === '-'
  const isZone = zone !== '' && (!hasOffset || (it.offsetHour < 24 && it.offsetMinute < 60))
  if (!isDay || !isTime || !isZone || !['T', 't', ' '].includes(it.between)) return undefined
  const minutes = hasOffset ? (it.offsetHour * 60 + it.offsetMinute) * (zone === '-' ? -1 : 1) : 0
  const seconds = secondsOf([year, month, day, hour, minute, second, minutes])
  return seconds < 0 ? undefined : seconds
}

function endIn(until: string): number | undefined {
  const toml = `version = 1
mode = "enforce"
default.require = { source = "nothing", derivation = "nothing", output = "nothing" }
exemptions = [{ name = "a", reason = "x", until = ${until} }]`
  try {
    return parsePolicy(sourceOf(toml)).exemptions[0]?.until
  } catch (error) {
    if (error instanceof PolicyError) return undefined
    throw error
  }
}

describe('times agree with another implementation of RFC 3339', () => {
  test('on its own', () => {
    fc.assert(
      fc.property(parts, it => assert.equal(parseInstant(written(it)), meant(it), written(it))),
      { numRuns: 20_000 },
    )
  })
  test('in a policy, in quotes and without', () => {
    fc.assert(
      fc.property(parts, it => {
        assert.equal(endIn(`"${written(it)}"`), meant(it), written(it))
        assert.equal(endIn(written(it)), meant(it), written(it))
      }),
      { numRuns: 2000 },
    )
  })
  test('every day from 1970 to 2100 is the one after the day before', () => {
    let expected = 0
    for (let year = 1970; year <= 2100; year++) {
      for (let month = 1; month <= 12; month++) {
        for (let day = 1; day <= 31; day++) {
          const exists = day <= lengthOf(year, month)
          assert.equal(parseInstant(`${year}-${two(month)}-${two(day)}`), exists ? expected : undefined)
          if (exists) expected += 86_400
        }
      }
    }
  })
})

for (const text of [
  '2026-12-31T10:00:00',
  '2026-12-31 10:00:00',
  '2026-12-31T10:00Z',
  '2026-12-31 10:00Z',
  '2026-12-31T10:00:00.5Z',
  '2026-12-31T23:59:60Z',
  '2016-12-31T23:59:60Z',
  '2026-12-31T24:00:00Z',
  '2026-12-31T10:00:99Z',
  '2026-12-31T00:00:00+99:99',
  '2026-12-31T00:00:00+0100',
  '2026-12-31T00:00:00 +01:00',
  '2026-02-30',
  '1969-12-31',
  '1970-01-01T00:00:00+00:01',
  '10:00:00',
  '26-12-31',
  '2026-1-1',
  '2026-365',
  '20261231',
]) {
  test(`${text} is refused, in quotes and without`, () => {
    assert.equal(endIn(text), undefined)
    assert.equal(endIn(`"${text}"`), undefined)
  })
}
