// A log that requests cannot fill.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitLog } from '../../src/gate/log-limit.ts'

test('of a million lines of one event two hundred are told in ten seconds, the rest is counted, and others are told', () => {
  const told: string[] = []
  let now = 0
  const log = limitLog(
    (level, event, details) => told.push(`${level} ${event} ${JSON.stringify(details)}`),
    () => now,
  )
  for (let n = 0; n < 1_000_000; n++) log('warning', 'refused', { n })
  log('info', 'admitted', { path: 'x' })
  assert.equal(told.length, 201)
  assert.equal(told[200], 'info admitted {"path":"x"}')
  now = 10_000
  log('warning', 'refused', { n: 'next' })
  assert.deepEqual(told.slice(201), [
    'warning refused {"left-out":999800,"why":"more than 200 in 10 seconds"}',
    'warning refused {"n":"next"}',
  ])
})
