// A bound on the bytes that are read for one question.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spendAllowance, withAllowance } from '../../src/files/allowance.ts'

test('what is within the allowance is read, however often it is asked for', async () => {
  for (let time = 0; time < 3; time++) {
    const read = await withAllowance(10, 'too much', async () => {
      for (const bytes of [4, 0, 6]) spendAllowance(bytes)
      return 'all'
    })
    assert.equal(read, 'all')
  }
})

test('attack: what goes beyond it ends the question, whatever was made of the failure', async () => {
  const swallowed = withAllowance(10, 'too much', async () => {
    try {
      spendAllowance(11)
    } catch {
      return 'an answer about less'
    }
    return 'all'
  })
  await assert.rejects(swallowed, { name: 'FileError', message: 'too much' })
  const other = withAllowance(10, 'too much', async () => {
    spendAllowance(6)
    await Promise.resolve()
    spendAllowance(5)
  })
  await assert.rejects(other, { name: 'FileError', message: 'too much' })
})

test('attack: once it is used up, small reads are refused too', async () => {
  let refused = 0
  const question = withAllowance(10, 'too much', async () => {
    for (const bytes of [11, 1, 1]) {
      try {
        spendAllowance(bytes)
      } catch {
        refused++
      }
    }
  })
  await assert.rejects(question, { message: 'too much' })
  assert.equal(refused, 3)
})

test('questions have an allowance each, and whoever has none may read on', async () => {
  spendAllowance(Number.MAX_SAFE_INTEGER)
  const questions = [1, 2].map(() =>
    withAllowance(10, 'too much', async () => {
      spendAllowance(10)
      await Promise.resolve()
      return 'all'
    }),
  )
  assert.deepEqual(await Promise.all(questions), ['all', 'all'])
})

test('another error of the work is told as it is', async () => {
  const failing = withAllowance(10, 'too much', () => Promise.reject(new Error('its own')))
  await assert.rejects(failing, { message: 'its own' })
})
