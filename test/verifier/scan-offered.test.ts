// Looking into NARs that caches serve: answers that never come, and who waits for whom.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import type { Offer } from '../../src/evidence/upstreams/upstream.ts'
import { judgeWithin } from '../../src/files/deadline.ts'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import type { Narinfo } from '../../src/formats/nix/narinfo.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256 } from '../../src/primitives/sodium.ts'
import { scanOffered } from '../../src/verifier/scan-offered.ts'

const DEP = '1c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
const NAR = narOfBytes(Buffer.from(`/nix/store/${DEP}-dep`), false)
const WANTED = { names: new Map([[DEP, 'dep']]), others: false }

function offerOf(upstream: string, open: Offer['open']): Offer {
  const narinfo: Partial<Narinfo> = {
    compression: 'none',
    narHash: toHex(sha256(NAR)),
    narSize: NAR.length,
  }
  return { upstream, narinfo: narinfo as Narinfo, nar: { kind: 'url', url: `${upstream}/x` }, open }
}

const good = (upstream: string) =>
  offerOf(upstream, async () => ({ status: 200, length: NAR.length, body: Readable.from([NAR]) }))
/** Never answers. */
const stuck = (upstream: string) => offerOf(upstream, () => new Promise(() => {}))
/** Answers, and stops in the middle of the NAR. */
const dripping = (upstream: string) => {
  const body = new Readable({ read() {} })
  body.push(NAR.subarray(0, 40))
  return { body, offer: offerOf(upstream, async () => ({ status: 200, length: undefined, body })) }
}

/** A clock that only advances when it is told to. */
function stopClock({ mock }: TestContext): (milliseconds: number) => Promise<void> {
  mock.timers.enable({ apis: ['setTimeout'] })
  return async milliseconds => {
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    mock.timers.tick(milliseconds)
  }
}

test('attack: a cache that never serves a NAR, or stops in the middle, is not waited for', async t => {
  const passes = stopClock(t)
  const { body, offer } = dripping('https://b.example')
  const scanning = Promise.all([
    scanOffered([stuck('https://a.example')], WANTED),
    scanOffered([offer], WANTED),
    scanOffered([stuck('https://c.example'), good('https://d.example')], WANTED),
  ])
  await passes(61_000)
  const [silent, broken, second] = await scanning
  const late = 'did not hand out the whole NAR within 60 seconds'
  assert.deepEqual(silent, { problem: `https://a.example: ${late}` })
  assert.deepEqual(broken, { problem: `https://b.example: ${late}` })
  assert.ok(body.destroyed)
  assert.deepEqual('found' in second && [...second.found.named], [DEP])
})

test('attack: a cache that hangs holds up nobody but itself', async t => {
  const passes = stopClock(t)
  const hanging = Array.from({ length: 9 }, () => scanOffered([stuck('https://a.example')], WANTED))
  assert.ok('found' in (await scanOffered([good('https://b.example')], WANTED)))
  let isDone = false
  const own = scanOffered([good('https://a.example')], WANTED).then(scanned => {
    isDone = true
    return scanned
  })
  await passes(61_000)
  assert.equal(isDone, false)
  await passes(61_000)
  await passes(61_000)
  assert.ok('found' in (await own))
  assert.equal((await Promise.all(hanging)).length, 9)
})

test('attack: a slow cache costs only a short head start beside an honest one, and comes last for a while', async t => {
  const passes = stopClock(t)
  let asked = 0
  const slow = () => {
    const { offer } = dripping('https://drip.example')
    return offerOf('https://drip.example', options => {
      asked++
      return offer.open(options)
    })
  }
  const offers = () => [slow(), good('https://quick.example')]
  const scanning = Promise.all(Array.from({ length: 40 }, () => scanOffered(offers(), WANTED)))
  await passes(4000)
  assert.equal(asked, 4, 'no more than have their turn')
  await passes(1001)
  for (const scanned of await scanning)
    assert.deepEqual('found' in scanned && [...scanned.found.named], [DEP])
  const before = asked
  assert.ok('found' in (await scanOffered(offers(), WANTED)), 'without a wait')
  assert.equal(asked, before, 'not asked any more')
})

test('attack: after the judgement has ended no scan continues and nobody waits for a turn', async t => {
  const passes = stopClock(t)
  const bodies = Array.from({ length: 6 }, () => dripping('https://late.example'))
  const judging = bodies.map(({ offer }) => judgeWithin(() => scanOffered([offer], WANTED), 20_000))
  const ended = Promise.allSettled(judging)
  await passes(20_001)
  for (const outcome of await ended) {
    assert.equal(outcome.status, 'rejected')
    assert.match(
      String(outcome.status === 'rejected' && outcome.reason),
      /^LateError: no verdict within 20 seconds: still waited for a NAR from https:\/\/late\.example$/,
    )
  }
  await passes(0)
  assert.deepEqual(
    bodies.map(({ body }) => body.destroyed),
    [true, true, true, true, false, false],
    'those in the queue were never opened',
  )
  assert.ok('found' in (await scanOffered([good('https://late.example')], WANTED)), 'all turns are free')
})
