// The gate folds what the store plugin only writes.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SEGMENT_LINES } from '../../src/decisions/line.ts'
import { logPlaces } from '../../src/decisions/places.ts'
import type { Log } from '../../src/gate/log.ts'
import { tidyLog } from '../../src/gate/tidy-log.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { policyOf } from '../policy/policies.ts'
import { appendDecisions, makeState } from '../support/decisions/lines.ts'
import { eventually } from '../support/eventually.ts'

let state: string
beforeEach(() => {
  state = makeState()
})
afterEach(() => rmSync(state, { recursive: true }))

const DECISION = {
  door: 'plugin',
  asker: 'root',
  outcome: 'trusted',
  letIn: true,
  ground: 'ledger',
} as const

const append = (count: number) => appendDecisions(state, count, DECISION)

const policy = (more: string): Policy =>
  policyOf(
    `version = 1\nmode = "enforce"\n[default]\nrequire = { source = "nothing", derivation = "nothing", output = "nothing" }\n${more}`,
  )

const names = (directory: 'open' | 'segments' | 'checkpoints') => {
  const place = logPlaces(state)[directory]
  return existsSync(place) ? readdirSync(place) : []
}

/** Has the gate look after the log until `is` holds. Returns what it logged. */
async function tidied(read: () => Policy, is: () => boolean): Promise<readonly unknown[]> {
  const logged: unknown[] = []
  const log: Log = (...event) => logged.push(event)
  const tidying = tidyLog({ state, policy: read, log }, 5)
  try {
    await eventually(() => `${is} with ${JSON.stringify(logged)}`, is)
    await sleep(50)
    return logged
  } finally {
    tidying.stop()
  }
}

test('lines of the store plugin alone are folded and signed by the gate', async () => {
  append(2 * SEGMENT_LINES + 5)
  assert.equal(names('open').length, 2 * SEGMENT_LINES + 6)
  const logged = await tidied(
    () => policy(''),
    () => names('checkpoints').length > 0,
  )
  assert.deepEqual([names('open').length, names('segments').length, names('checkpoints').length], [6, 2, 1])
  assert.deepEqual(logged, [])
})

test('without a log, with none in the policy, or without a policy, nothing is made or changed', async () => {
  await tidied(
    () => policy(''),
    () => true,
  )
  assert.deepEqual(readdirSync(state), [])
  append(SEGMENT_LINES)
  for (const read of [
    () => policy('[decisions]\nkeep = false\n'),
    () => {
      throw new Error('no policy')
    },
  ])
    assert.deepEqual(await tidied(read, () => true), [])
  assert.deepEqual(names('segments'), [])
})

test('what keeps it from that is logged once, and refuses nothing', async () => {
  append(SEGMENT_LINES)
  const elsewhere = join(state, 'elsewhere')
  const logged = await tidied(
    () => policy(`[decisions]\nrequired = true\ncheckpoints-to = "${elsewhere}"\n`),
    () => names('checkpoints').length > 0,
  )
  assert.deepEqual(logged, [
    [
      'warning',
      'the decision log is written, and could not be kept in order',
      { why: `${elsewhere}, where checkpoints are kept as well, is not there` },
    ],
  ])
  mkdirSync(elsewhere)
})
