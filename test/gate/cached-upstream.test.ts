import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Said, Upstream } from '../../src/evidence/upstreams/upstream.ts'
import { remembering } from '../../src/gate/cached-upstream.ts'

const AGES = { maxAge: 3600, negativeMaxAge: 60 }
const OFFER = { kind: 'offer', offer: { narinfo: { references: [], signatures: [] } } } as unknown as Said
const ABSENT: Said = { kind: 'absent' }
const SILENT: Said = { kind: 'silent', detail: 'refused' }
/** Returned after ten seconds. */
const SLOW_SILENCE: Said = { kind: 'silent', detail: 'timeout' }

/**
 * An upstream that gives these answers one after the other, and a count of how often it was asked.
 */
function saying(...words: readonly Said[]) {
  let asked = 0
  const upstream: Pick<Upstream, 'url' | 'narinfo'> = {
    url: 'https://a.example',
    async narinfo() {
      const said = words[Math.min(asked++, words.length - 1)] ?? ABSENT
      if (said === SLOW_SILENCE) mock.timers.setTime(Date.now() + 10_000)
      return said
    },
  }
  return { upstream: upstream as Upstream, asked: () => asked }
}

const inTime = (name: string, check: () => Promise<void>) =>
  test(name, async () => {
    mock.timers.enable({ apis: ['Date'], now: 1_790_000_000_000 })
    try {
      await check()
    } finally {
      mock.timers.reset()
    }
  })

inTime('what is there and what is not stand for as long as the policy says', async () => {
  for (const [said, seconds] of [
    [OFFER, 3600],
    [ABSENT, 60],
  ] as const) {
    const { upstream, asked } = saying(said)
    const kept = remembering(upstream, AGES)
    await kept.narinfo('a')
    assert.equal(kept.until('a'), Date.now() + seconds * 1000)
    mock.timers.setTime(Date.now() + seconds * 1000 - 1)
    assert.equal(await kept.narinfo('a'), said)
    assert.equal(asked(), 1)
    mock.timers.setTime(Date.now() + 1)
    await kept.narinfo('a')
    assert.equal(asked(), 2)
    kept.forget()
    await kept.narinfo('a')
    assert.equal(asked(), 3)
  }
})

inTime('fault: nothing stands for longer because the clock was set back', async () => {
  for (const said of [OFFER, ABSENT, SLOW_SILENCE]) {
    const { upstream, asked } = saying(said)
    const kept = remembering(upstream, AGES)
    await kept.narinfo('a')
    mock.timers.setTime(Date.now() - 365 * 24 * 3_600_000)
    await kept.narinfo('a')
    assert.equal(asked(), 2, said.kind)
  }
})

inTime('neither silence nor garbage is kept', async () => {
  for (const said of [SILENT, { kind: 'malformed', detail: 'x' } as const]) {
    const { upstream, asked } = saying(said, OFFER)
    const kept = remembering(upstream, AGES)
    assert.equal(await kept.narinfo('a'), said)
    assert.equal(kept.until('a'), undefined)
    assert.equal(await kept.narinfo('a'), OFFER)
    assert.equal(asked(), 2)
  }
})

inTime(
  'attack: an upstream that is silent for long is not waited for once for each of thousands of paths',
  async () => {
    const { upstream, asked } = saying(SLOW_SILENCE, OFFER)
    const kept = remembering(upstream, AGES)
    await kept.narinfo('a')
    for (const digest of ['b', 'c', 'd']) assert.equal((await kept.narinfo(digest)).kind, 'silent')
    assert.equal(asked(), 1)
    mock.timers.setTime(Date.now() + 10_000)
    assert.equal(await kept.narinfo('b'), OFFER)
  },
)

test('attack: an upstream that hangs again and again costs its full time once', async t => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_790_000_000_000 })
  let hangs = true
  let asked = 0
  const upstream: Upstream = {
    ...saying(OFFER).upstream,
    narinfo: () =>
      new Promise(resolve => {
        asked++
        setTimeout(() => resolve(hangs ? SLOW_SILENCE : OFFER), hangs ? 10_000 : 3000)
      }),
  }
  const kept = remembering(upstream, AGES)
  const ask = async (digest: string) => {
    const started = Date.now()
    const answer = kept.narinfo(digest).then(({ kind }) => `${kind} after ${Date.now() - started}`)
    for (let second = 0; second < 10; second++) {
      await turn()
      t.mock.timers.tick(1000)
    }
    return answer
  }
  assert.equal(await ask('a'), 'silent after 10000')
  assert.equal(await ask('b'), 'silent after 0')
  // Its time is over: it is asked again, and nobody waits for it.
  assert.equal(await ask('c'), 'silent after 1000')
  hangs = false
  t.mock.timers.tick(20_000)
  await turn()
  assert.equal(await ask('d'), 'silent after 1000')
  // It answered, if late. From now on it is waited for.
  assert.equal(await ask('e'), 'offer after 3000')
  assert.equal(asked, 4)
})

inTime('attack: an upstream that is asked about very many paths keeps the latest of them', async () => {
  const { upstream, asked } = saying(OFFER)
  const kept = remembering(upstream, AGES)
  for (let index = 0; index < 4097; index++) await kept.narinfo(String(index))
  await kept.narinfo('4096')
  assert.equal(asked(), 4097)
  await kept.narinfo('0')
  assert.equal(asked(), 4098)
})
