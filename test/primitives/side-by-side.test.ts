import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { sideBySide } from '../../src/primitives/side-by-side.ts'

test('results are in the order of the items, and never more than so many run at once', async () => {
  let running = 0
  let most = 0
  const results = await sideBySide([5, 1, 4, 2, 3], 2, async item => {
    most = Math.max(most, ++running)
    await setTimeout(item)
    running--
    return item * 10
  })
  assert.deepEqual(results, [50, 10, 40, 20, 30])
  assert.equal(most, 2)
  assert.deepEqual(await sideBySide([], 2, async () => assert.fail()), [])
})

test('after an error nothing more is begun, and it is thrown once what had begun is over', async () => {
  const begun: number[] = []
  let isOver = false
  const failing = sideBySide([1, 2, 3, 4], 2, async item => {
    begun.push(item)
    if (item === 1) throw new Error('one')
    await setTimeout(5)
    isOver = true
  })
  await assert.rejects(failing, /one/)
  assert.deepEqual(begun, [1, 2])
  assert.ok(isOver)
})
