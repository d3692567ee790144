import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { deadlineSignal, judgeWithin, onAbort, within } from '../../src/files/deadline.ts'
import { runProgram } from '../../src/files/run.ts'

const late = () => new Error('late')

/** Keeps the process alive, which a judgement's timer does not. */
function keepRunning(t: TestContext): void {
  const timer = setTimeout(() => undefined, 30_000)
  t.after(() => clearTimeout(timer))
}

test('work that ends in time settles with its result', async () => {
  assert.equal(await within({ milliseconds: 1000, late }, async () => 'done'), 'done')
  const failing = async () => {
    throw new Error('not so')
  }
  await assert.rejects(within({ milliseconds: 1000, late }, failing), /not so/)
  await assert.rejects(
    within({ milliseconds: 1000, late }, () => {
      throw new Error('at once')
    }),
    /at once/,
  )
})

test('work that never settles fails when its time is over, and its signal says so', async () => {
  let seen: unknown
  const stuck = within({ milliseconds: 30, late }, signal => {
    onAbort(signal, reason => {
      seen = reason
    })
    return new Promise(() => {})
  })
  await assert.rejects(stuck, /^Error: late$/)
  assert.match(String(seen), /late/)
})

test('the limit of the caller ends before the limit of the work', async t => {
  keepRunning(t)
  const inner = () => within({ milliseconds: 10_000, late }, () => new Promise(() => {}))
  const started = Date.now()
  await assert.rejects(judgeWithin(inner, 50), /no verdict within 0\.05 seconds/)
  assert.ok(Date.now() - started < 2000)
})

test('work is not started after the end', async t => {
  keepRunning(t)
  let begun = 0
  const slow = async () => {
    await later(60)
    await within({ milliseconds: 1000, late }, async () => begun++)
  }
  await assert.rejects(judgeWithin(slow, 20), /no verdict/)
  await later(80)
  assert.equal(begun, 0)
})

test('concurrent judgements each have their own limit', async t => {
  keepRunning(t)
  const [one, other] = await Promise.allSettled([
    judgeWithin(() => new Promise(() => {}), 20),
    judgeWithin(async () => {
      await later(80)
      return deadlineSignal()?.aborted
    }, 5000),
  ])
  assert.equal(one?.status, 'rejected')
  assert.deepEqual(other, { status: 'fulfilled', value: false })
  assert.equal(deadlineSignal(), undefined)
})

test('a program that runs for a judgement ends with it', async t => {
  keepRunning(t)
  const marker = `6${process.pid % 1000}.25`
  let ended: Promise<unknown> | undefined
  const judging = judgeWithin(() => {
    const running = runProgram('sleep', [marker], 60_000)
    ended = running
    return running
  }, 100)
  await assert.rejects(judging, /no verdict/)
  const finished = (await ended) as { status: number | null }
  assert.equal(finished.status, null)
})
