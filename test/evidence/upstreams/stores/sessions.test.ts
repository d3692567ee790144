import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepSessions } from '../../../../src/evidence/upstreams/stores/sessions.ts'

const LIMITS = { count: 2, idle: 20, pause: 500 }

function sessions({ limits = LIMITS, fails = false } = {}) {
  const opened: { open: boolean }[] = []
  let tries = 0
  const kept = keepSessions(async () => {
    tries++
    await sleep(1)
    if (fails) throw new Error('no way')
    const state = { open: true }
    opened.push(state)
    return {
      state,
      isOpen: () => state.open,
      close: () => {
        state.open = false
      },
    }
  }, limits)
  return { kept, opened, tries: () => tries }
}

test('no more sessions than the limit, each for one at a time, in turn', async () => {
  const { kept, opened } = sessions()
  let busy = 0
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      const session = await kept.take()
      assert.ok(++busy <= 2)
      await sleep(1)
      busy--
      kept.giveBack(session)
    }),
  )
  assert.equal(opened.length, 2)
  await sleep(60)
  assert.ok(
    opened.every(({ open }) => !open),
    'an unused one is closed',
  )
})

test('a session that ended is not given again', async () => {
  const { kept, opened } = sessions()
  const first = await kept.take()
  first.close()
  kept.giveBack(first)
  assert.notEqual(await kept.take(), first)
  assert.equal(opened.length, 2)
})

test('attack: a store that never opens is not tried again for each question', async () => {
  const { kept, tries } = sessions({ fails: true })
  for (let count = 0; count < 100; count++) await assert.rejects(kept.take(), /no way/)
  assert.equal(tries(), 1)
  await sleep(520)
  await assert.rejects(kept.take(), /no way/)
  assert.equal(tries(), 2)
})

test('who gives up waiting takes no session away', async () => {
  const { kept } = sessions({ limits: { ...LIMITS, count: 1 } })
  const held = await kept.take()
  const controller = new AbortController()
  const waiting = kept.take(controller.signal)
  controller.abort(new Error('too late'))
  await assert.rejects(waiting, /too late/)
  const next = kept.take()
  kept.giveBack(held)
  assert.equal(await next, held)
  kept.close()
  assert.equal(held.isOpen(), false)
  await assert.rejects(kept.take(), /closed/)
})
