import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runProgram } from '../../src/files/run.ts'

test('a time limit may be the rest of another: a fraction, or zero', async () => {
  assert.equal((await runProgram('true', [], 59_995.105796)).status, 0)
  for (const left of [0.25, 0, -3.5]) {
    assert.equal((await runProgram('sleep', ['20'], left)).status, null, String(left))
  }
})
