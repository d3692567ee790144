import assert from 'node:assert/strict'
import { test } from 'node:test'
import { respiteEnd } from '../../src/cli/respite-time.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const NOW = Date.UTC(2026, 4, 1, 12) / 1000

for (const [text, seconds] of [
  ['90m', 5400],
  ['2h', 7200],
  ['7d', 604_800],
  ['2026-05-01T14:00:00Z', 7200],
  ['2026-05-01t14:00:00z', 7200],
  ['2026-05-01T15:30:00+01:30', 7200],
] as const) {
  test(`${text} is ${seconds} seconds from then`, () => assert.equal(respiteEnd(text, NOW), NOW + seconds))
}

for (const [text, says] of [
  ['tomorrow', /neither a span/],
  ['2', /neither a span/],
  ['0h', /neither a span/],
  ['-1h', /neither a span/],
  ['2 h', /neither a span/],
  ['2026-05-02', /neither a span/],
  ['2026-05-02T10:00:00', /neither a span/],
  ['2026-13-02T10:00:00Z', /neither a span/],
  ['2026-02-30T10:00:00Z', /neither a span/],
  ['2026-05-01T14:00Z', /neither a span/],
  ['2026-05-01T14:00:60Z', /neither a span/],
  ['2026-05-01T14:00:99Z', /neither a span/],
  ['2026-05-01T24:00:00Z', /neither a span/],
  ['2026-05-01T14:00:00.5Z', /neither a span/],
  ['2026-05-01T14:00:00+99:99', /neither a span/],
  ['2026-05-01T14:00:00+24:00', /neither a span/],
  ['2026-05-01T14:00:00+0100', /neither a span/],
  ['2026-05-01 14:00:00Z', /neither a span/],
  ['\x1b[31m', /--until \\u\{1b\}\[31m is neither/],
  ['2026-05-01T12:00:00Z', /is over already/],
  ['2025-05-01T12:00:00Z', /is over already/],
  ['8d', /more than a week away/],
  ['999999d', /more than a week away/],
  ['2099-01-01T00:00:00Z', /more than a week away/],
] as const) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(
      () => respiteEnd(text, NOW),
      (error: unknown) => error instanceof UsageError && says.test(error.message),
    )
  })
}
