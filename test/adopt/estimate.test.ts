import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { buildSeconds } from '../../src/adopt/build-times.ts'
import { estimate, spanWords } from '../../src/adopt/estimate.ts'

const logs = mkdtempSync('/tmp/nixsig-logs-')
after(() => rmSync(logs, { recursive: true }))

test('known times are added up, the others count as the median of those', () => {
  const { seconds, ...rest } = estimate({ builds: [10, 100, 30, undefined, undefined], bytes: 1000 }, 100)
  assert.equal(seconds, 10 + 100 + 30 + 2 * 30 + 10)
  assert.deepEqual(rest, { known: 3, unknown: 2, assumed: 30 })
})

test('where no time is known, builds are counted and not guessed', () => {
  assert.deepEqual(estimate({ builds: [undefined], bytes: 0 }, 100), {
    seconds: 0,
    known: 0,
    unknown: 1,
    assumed: undefined,
  })
})

test('property: more work never takes less', () =>
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(10_000), { nil: undefined })), fc.nat(), (builds, bytes) => {
      const before = estimate({ builds, bytes }, 1000).seconds
      assert.ok(estimate({ builds, bytes: bytes + 5000 }, 1000).seconds >= before)
      assert.ok(estimate({ builds: [...builds, undefined], bytes }, 1000).seconds >= before)
    }),
  ))

test('how long a build took is how far apart its log was begun and ended; what cannot be is not known', () => {
  const drv = '/nix/store/abcdefghijklmnopqrstuvwxyz012345-x.drv'
  assert.equal(buildSeconds(drv, logs), undefined)
  mkdirSync(`${logs}/ab`)
  const file = `${logs}/ab/cdefghijklmnopqrstuvwxyz012345-x.drv.bz2`
  writeFileSync(file, '')
  const now = Date.now() / 1000
  utimesSync(file, now, now + 120)
  const seconds = buildSeconds(drv, logs) ?? 0
  assert.ok(seconds > 110 && seconds < 130, String(seconds))
  for (const time of [now - 1000, now + 30 * 86_400]) {
    utimesSync(file, now, time)
    assert.equal(buildSeconds(drv, logs), undefined)
  }
})

test('spans in words', () => {
  const cases = { 0: '1 s', 59: '59 s', 60: '1 min', 3540: '59 min', 3600: '1 h', 7500: '2 h 5 min' }
  for (const [seconds, words] of Object.entries(cases)) assert.equal(spanWords(Number(seconds)), words)
})
