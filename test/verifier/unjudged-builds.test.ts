import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { expectedFile, expectOutput, listExpected } from '../../src/ledger/expected.ts'
import { notePresent } from '../../src/ledger/present.ts'
import { forgetOldPresents } from '../../src/verifier/forget-presents.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { finishExpected } from '../../src/verifier/unjudged-builds.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const PATH = `/nix/store/${DIGEST}-hello`
const DERIVATION = `${PATH}.drv`
const NOW = Math.floor(Date.now() / 1000)
const YEARS = 20 * 365 * 24 * 3600

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-leftovers-'))
})
afterEach(() => rmSync(state, { recursive: true }))

/** An inquiry whose store has no valid paths. */
function inquiry(): Inquiry {
  const store = async () => ({ validPaths: async () => new Set<string>() })
  return { places: { state }, now: NOW, store } as unknown as Inquiry
}

const finish = () =>
  finishExpected(inquiry(), listExpected(state), {
    except: undefined,
    needed: new Set(),
    all: true,
  })

/** How many seconds the build's clock was behind ours; negative if it was ahead. */
const apart = fc.integer({ min: -YEARS, max: Math.floor(YEARS / 2) })

test('fault: an expectation of a build that is over is dropped, even if the clock was set back since', () =>
  fc.assert(
    fc.asyncProperty(apart, async age => {
      const time = NOW - age
      expectOutput(state, {
        ...{ digest: DIGEST, path: PATH, derivation: DERIVATION, output: 'out' },
        ...{ time, found: { policy: 'ef'.repeat(32), until: undefined }, admits: { kind: 'any' } },
      })
      assert.deepEqual(await finish(), [])
      assert.equal(listExpected(state).length, Math.abs(age) > 60 ? 0 : 1)
    }),
    { examples: [[0], [60], [61], [-60], [-61], [-YEARS]] },
  ))

test('fault: an expectation that a power failure left empty is dropped', async () => {
  mkdirSync(join(state, 'expected'))
  const file = expectedFile(state, DIGEST)
  for (const [age, left] of [
    [0, 1],
    [120, 0],
    [-YEARS, 0],
  ] as const) {
    writeFileSync(file, '')
    const time = new Date((NOW - age) * 1000)
    utimesSync(file, time, time)
    assert.deepEqual(await finish(), [])
    assert.equal(listExpected(state).length, left, `${age} seconds old`)
  }
})

test('fault: a presence note of a build that is over is dropped', () => {
  for (const [age, left] of [
    [0, 1],
    [120, 0],
    [-YEARS, 0],
  ] as const) {
    notePresent(state, { digest: DIGEST, path: PATH, derivation: DERIVATION, stamp: '1:2' })
    const time = new Date((NOW - age) * 1000)
    utimesSync(join(state, 'present', DIGEST), time, time)
    forgetOldPresents(state, 64)
    assert.equal(readdirSync(join(state, 'present')).length, left, `${age} seconds old`)
  }
})
