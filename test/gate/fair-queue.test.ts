// The order in which requests begin.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openTurns } from '../../src/gate/fair-queue.ts'
import type { Peer } from '../../src/gate/peers.ts'
import { shares } from './raw-http.ts'

const ROOT: Peer = { name: 'user 0', kind: 'root' }
const user = (name: string): Peer => ({ name, kind: 'user' })

type Share = ReturnType<typeof shares>['user']

/**
 * Turns in which each request runs until the test ends it, and the requests that have begun, in
 * order.
 */
function recorded(user: Share, root = user) {
  const turns = openTurns({ atOnce: { ...shares(9), user, root }, pace: {} })
  const begun: string[] = []
  const ends: (() => void)[] = []
  return {
    begun,
    turns,
    ask: (peer: Peer, isOver = () => false) =>
      turns.take(peer, isOver, done => {
        begun.push(peer.name)
        ends.push(done)
      }),
    endOne: () => ends.shift()?.(),
  }
}

test('one that has a thousand requests keeps nobody waiting for more than one of them', () => {
  const { begun, ask, endOne } = recorded({ each: 4, all: 4 })
  for (let n = 0; n < 1000; n++) ask(user('alice'))
  ask(user('bob'))
  ask(user('carol'))
  endOne()
  endOne()
  endOne()
  assert.deepEqual(begun.slice(4), ['alice', 'bob', 'carol'])
})

test('root has room whatever all others ask for', () => {
  const { begun, ask } = recorded({ each: 4, all: 8 }, { each: 2, all: 2 })
  for (const name of ['alice', 'bob', 'carol']) for (let n = 0; n < 100; n++) ask(user(name))
  assert.equal(begun.length, 8)
  ask(ROOT)
  ask(ROOT)
  ask(ROOT)
  assert.deepEqual(begun.slice(8), ['user 0', 'user 0'])
})

test('whoever is gone has no turn, and takes none from others', () => {
  const { begun, ask, endOne, turns } = recorded({ each: 1, all: 1 })
  ask(user('alice'))
  for (let n = 0; n < 5; n++) ask(user('alice'), () => true)
  ask(user('bob'))
  endOne()
  endOne()
  assert.deepEqual(begun, ['alice', 'bob'])
  assert.equal(turns.waiting(), 0)
})

test('a turn that is given back at once goes on with those who wait, ten thousand of them', () => {
  const turns = openTurns({ atOnce: shares(1), pace: {} })
  let first = () => {}
  let begun = 0
  turns.take(
    user('alice'),
    () => false,
    done => {
      first = done
    },
  )
  for (let n = 0; n < 10_000; n++) {
    turns.take(
      user(n % 2 === 0 ? 'alice' : 'bob'),
      () => false,
      done => {
        begun++
        done()
        done()
      },
    )
  }
  first()
  assert.deepEqual([begun, turns.waiting()], [10_000, 0])
})

test('limits are kept, nothing is forgotten, and each peer is served in its own order', () => {
  const names = fc.constantFrom('user 0', 'alice', 'bob', 'carol')
  const steps = fc.array(fc.oneof(names, fc.constant('end' as const)), { maxLength: 200 })
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      (all, perPeer, others) => {
        const turns = openTurns({
          atOnce: { ...shares(2), user: { each: perPeer, all: others } },
          pace: {},
        })
        const running: { readonly name: string; readonly done: () => void }[] = []
        const served = new Map<string, number[]>()
        const asked = new Map<string, number>()
        const endFirst = () => running.shift()?.done()
        for (const step of all) {
          if (step === 'end') {
            endFirst()
            continue
          }
          const number = asked.get(step) ?? 0
          asked.set(step, number + 1)
          turns.take(
            step === 'user 0' ? ROOT : user(step),
            () => false,
            done => {
              running.push({ name: step, done })
              served.set(step, [...(served.get(step) ?? []), number])
              const count = (isIt: (name: string) => boolean) =>
                running.filter(({ name }) => isIt(name)).length
              assert.ok(count(name => name === 'user 0') <= 2)
              assert.ok(count(name => name !== 'user 0') <= others)
              assert.ok(step === 'user 0' || count(name => name === step) <= perPeer)
            },
          )
        }
        while (running.length > 0) endFirst()
        for (const [name, count] of asked)
          assert.deepEqual(
            served.get(name),
            Array.from({ length: count }, (_, n) => n),
          )
      },
    ),
  )
})
