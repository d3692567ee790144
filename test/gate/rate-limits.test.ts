// Rate limits for peers, whatever they try.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openTurns } from '../../src/gate/fair-queue.ts'
import { HTTP_LIMITS } from '../../src/gate/http-server.ts'
import type { Peer } from '../../src/gate/peers.ts'
import { type Clock, openPaces } from '../../src/gate/rate-limits.ts'
import { shares } from './raw-http.ts'

const user = (name: string): Peer => ({ name, kind: 'user' })
const ROOT: Peer = { name: 'user 0', kind: 'root' }
const MACHINE: Peer = { name: '192.0.2.1', kind: 'machine' }

/** A clock that the test moves, a millisecond at a time. */
function handClock() {
  let time = 0
  const calls: { readonly at: number; readonly call: () => void }[] = []
  const clock: Clock = { now: () => time, after: (ms, call) => calls.push({ at: time + ms, call }) }
  return {
    clock,
    goOn(ms: number) {
      for (const end = time + ms; time < end; ) {
        time++
        for (const due of calls.splice(0)) due.at <= time ? due.call() : calls.push(due)
      }
    },
  }
}

test('in any time nobody does more than the burst and what has come since, and others lose nothing by it', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('alice', 'bob'), fc.nat(300)), { maxLength: 300 })
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 50 }),
      (all, burst, perSecond) => {
        let time = 0
        const paces = openPaces({ burst, perSecond }, () => time)
        const spent: Record<string, number> = { alice: 0, bob: 0 }
        for (const [name, ms] of all) {
          time += ms
          const wait = paces.wait(name)
          assert.equal(paces.spend(name), wait === 0)
          if (wait === 0) spent[name] = (spent[name] ?? 0) + 1
          for (const count of Object.values(spent))
            assert.ok(count <= burst + (time * perSecond) / 1000 + 1e-6)
        }
        time += (burst * 1000) / perSecond + 1
        for (const name of ['alice', 'bob']) assert.equal(paces.wait(name), 0)
      },
    ),
  )
})

test('attack: a hundred thousand names, each of them once, are not all remembered', () => {
  let time = 0
  const paces = openPaces({ burst: 10, perSecond: 10 }, () => time)
  for (let n = 0; n < 100_000; n++) {
    time++
    paces.spend(`user ${n}`)
  }
  assert.ok(paces.size() < 5000, `${paces.size()} names`)
})

test('attack: a user who asks for ten thousand things has 256 at once and 25 a second; others and root wait for none', () => {
  const { clock, goOn } = handClock()
  const user256 = { each: { burst: 256, perSecond: 25 }, all: { burst: 1000, perSecond: 100 } }
  const limits = { atOnce: shares(8), pace: { user: user256 } }
  const turns = openTurns(limits, clock)
  const begun = new Map<string, number>()
  const ask = (peer: Peer) =>
    turns.take(
      peer,
      () => false,
      done => {
        begun.set(peer.name, (begun.get(peer.name) ?? 0) + 1)
        done()
      },
    )
  for (let n = 0; n < 10_000; n++) ask(user('alice'))
  assert.equal(begun.get('alice'), 256)
  ask(user('bob'))
  for (let n = 0; n < 10_000; n++) ask(ROOT)
  for (let n = 0; n < 10_000; n++) ask(MACHINE)
  assert.deepEqual([begun.get('bob'), begun.get(ROOT.name), begun.get(MACHINE.name)], [1, 10_000, 10_000])
  goOn(10_000)
  const after = begun.get('alice') ?? 0
  assert.ok(after >= 256 + 245 && after <= 256 + 250, `${after} in ten seconds`)
  goOn(400_000)
  assert.deepEqual([begun.get('alice'), turns.waiting()], [10_000, 0])
})

test('attack: 500 user numbers together have 1024 requests at once and 100 a second, and each has its turn', () => {
  const { clock, goOn } = handClock()
  const { pace } = HTTP_LIMITS.turns
  const turns = openTurns({ atOnce: HTTP_LIMITS.turns.atOnce, pace }, clock)
  const begun = new Map<string, number>()
  const ask = (peer: Peer) =>
    turns.take(
      peer,
      () => false,
      done => {
        begun.set(peer.kind, (begun.get(peer.kind) ?? 0) + 1)
        begun.set(peer.name, (begun.get(peer.name) ?? 0) + 1)
        done()
      },
    )
  for (let n = 0; n < 500; n++) for (let m = 0; m < 100; m++) ask(user(`user ${100_000 + n}`))
  assert.equal(begun.get('user'), 1024)
  ask({ name: 'client 1000', kind: 'client' })
  assert.equal(begun.get('client 1000'), 1)
  ask(user('alice'))
  goOn(10_000)
  const after = begun.get('user') ?? 0
  assert.ok(after >= 1024 + 980 && after <= 1024 + 1000, `${after - 1024} in ten seconds`)
  assert.equal(begun.get('alice'), 1)
})

test('attack: what nix-daemon asks for one user has 8192 requests at once, and another’s wait for none of them', () => {
  const { clock, goOn } = handClock()
  const turns = openTurns(HTTP_LIMITS.turns, clock)
  const begun = new Map<string, number>()
  const ask = (name: string) =>
    turns.take(
      { name, kind: 'client' },
      () => false,
      done => {
        begun.set(name, (begun.get(name) ?? 0) + 1)
        done()
      },
    )
  for (let n = 0; n < 90_000; n++) ask('client 1001')
  assert.equal(begun.get('client 1001'), 8192)
  for (let n = 0; n < 10; n++) ask('client 1000')
  assert.equal(begun.get('client 1000'), 10)
  goOn(10_000)
  const after = begun.get('client 1001') ?? 0
  assert.ok(after >= 8192 + 980 && after <= 8192 + 1000, `${after - 8192} in ten seconds`)
})
