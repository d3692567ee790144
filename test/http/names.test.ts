// Names of the settings and names that redirections bring, at a resolver with few threads.
import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { lookupFor } from '../../src/http/addresses.ts'
import { type Addresses, openNames } from '../../src/http/names.ts'
import { SourceError } from '../../src/http/source-error.ts'

const LIMITS = {
  atOnce: 2,
  each: 1,
  waiting: 3,
  patience: 400,
  redirectedPatience: 200,
  soon: 30,
  memory: 300,
  names: 4,
}
const FOUND: Addresses = [{ address: '198.51.100.1', family: 4 }]

/** A resolver that answers for a name when the test says so. */
function resolver() {
  const asked: string[] = []
  const open = new Map<string, { answer(): void; fail(): void }>()
  const names = openNames((hostname, family) => {
    asked.push(hostname)
    assert.equal(family, 0)
    return new Promise((resolve, reject) => {
      open.set(hostname, {
        answer: () => resolve(FOUND),
        fail: () => reject(Object.assign(new Error('queryA'), { code: 'EAI_AGAIN' })),
      })
    })
  }, LIMITS)
  return {
    asked,
    names,
    said: (hostname: string, by?: string) =>
      names.addresses(hostname, 0, by).then(
        addresses => addresses[0]?.address,
        (error: Error) => error,
      ),
    answer: (hostname: string) => open.get(hostname)?.answer(),
    fail: (hostname: string) => open.get(hostname)?.fail(),
  }
}

test('attack: redirections to names that no DNS answers leave the resolver to the names of the settings', async () => {
  const { asked, said, answer } = resolver()
  const dead = Array.from({ length: 60 }, (_, n) => said(`n${n}.dead.example`, 'evil.example'))
  assert.deepEqual(asked, ['n0.dead.example'])
  const honest = said('honest.example')
  assert.deepEqual(asked, ['n0.dead.example', 'honest.example'])
  answer('honest.example')
  assert.equal(await honest, '198.51.100.1')
  for (const [n, one] of (await Promise.all(dead)).entries()) {
    assert.ok(one instanceof SourceError)
    // The first three wait for a turn that does not come, and all others for nothing.
    const reason =
      n < 4
        ? /^no address from the resolver within 0.2 seconds$/
        : /^redirects to "n\d+\.dead\.example", and the/
    assert.match(one.message, reason)
    assert.equal(one.hardship, n < 4 ? 'unreachable' : 'failing')
  }
  assert.equal(asked.length, 2)
})

test('attack: a server that redirects to dead names takes no turn of another one that redirects', async () => {
  const { asked, said, answer } = resolver()
  const dead = [0, 1, 2].map(n => said(`n${n}.dead.example`, 'evil.example'))
  const store = said('store.example', 'honest.example')
  assert.deepEqual(asked, ['n0.dead.example', 'store.example'])
  answer('store.example')
  assert.equal(await store, '198.51.100.1')
  await Promise.all(dead)
})

test('attack: while dead names hold the turn of their server, more of them fail at once', async () => {
  const { asked, said, fail } = resolver()
  await said('a.dead.example', 'evil.example')
  const error = await said('c.dead.example', 'evil.example')
  assert.ok(error instanceof SourceError)
  assert.equal(
    error.message,
    'redirects to "c.dead.example", and the resolver is still busy with names that it redirected to',
  )
  assert.equal(error.hardship, 'failing')
  assert.deepEqual(asked, ['a.dead.example'])
  // Once the resolver has given up, there is a turn again.
  fail('a.dead.example')
  await sleep(1)
  void said('d.dead.example', 'evil.example')
  assert.deepEqual(asked.slice(1), ['d.dead.example'])
})

test('attack: where dead names of others hold all turns, a server waits for one and is not blamed', async () => {
  const { asked, said, answer, fail } = resolver()
  await Promise.all([said('a.dead.example', 'evil.example'), said('b.dead.example', 'worse.example')])
  const blamed = await said('store.example', 'honest.example')
  assert.ok(blamed instanceof SourceError)
  assert.equal(
    blamed.message,
    'redirects to "store.example", and the resolver is still busy with names that others redirected to',
  )
  assert.equal(blamed.hardship, undefined)
  const found = said('store.example', 'honest.example')
  fail('a.dead.example')
  await sleep(1)
  answer('store.example')
  assert.equal(await found, '198.51.100.1')
  assert.deepEqual(asked, ['a.dead.example', 'b.dead.example', 'store.example'])
})

test('attack: a server whose names wait in great number lets another one have its turn first', async () => {
  const { asked, said, fail } = resolver()
  const busy = [said('b.dead.example', 'worse.example')]
  for (const n of [0, 1, 2]) busy.push(said(`n${n}.dead.example`, 'evil.example'))
  const store = said('store.example', 'honest.example')
  const other = said('other.example', 'honest.example')
  assert.deepEqual(asked, ['b.dead.example', 'n0.dead.example'])
  fail('n0.dead.example')
  await sleep(1)
  assert.deepEqual(asked.slice(2), ['n1.dead.example'])
  fail('n1.dead.example')
  await sleep(1)
  assert.deepEqual(asked.slice(3), ['store.example'])
  fail('b.dead.example')
  fail('store.example')
  await Promise.all([...busy, store, other])
})

test('however often a redirected name is asked for while it waits, it takes one place', async () => {
  const { asked, said, answer } = resolver()
  const first = said('a.example', 'front.example')
  const many = Array.from({ length: 40 }, () => said('b.example', 'front.example'))
  answer('a.example')
  await first
  await sleep(1)
  answer('b.example')
  assert.deepEqual(await Promise.all(many), Array(40).fill('198.51.100.1'))
  assert.deepEqual(asked, ['a.example', 'b.example'])
})

test('redirected names get their turn one after another, and those that are asked for twice share one', async () => {
  const { asked, said, answer } = resolver()
  const all = ['a', 'b', 'b', 'a'].map(name => said(`${name}.example`, 'front.example'))
  answer('a.example')
  await sleep(1)
  answer('b.example')
  assert.deepEqual(await Promise.all(all), Array(4).fill('198.51.100.1'))
  assert.deepEqual(asked, ['a.example', 'b.example'])
})

test('a resolver that became slow, or fails, does not stop who was found a moment ago', async () => {
  const { said, answer, fail } = resolver()
  const first = said('honest.example')
  answer('honest.example')
  await first
  const started = performance.now()
  assert.equal(await said('honest.example'), '198.51.100.1')
  assert.ok(performance.now() - started < LIMITS.patience)
  fail('honest.example')
  await sleep(LIMITS.memory)
  const later = said('honest.example')
  await sleep(0)
  fail('honest.example')
  assert.match(String(await later), /queryA/)
})

test('attack: redirections do not crowd the names of the settings out of what is remembered', async () => {
  const { said, answer } = resolver()
  const known = said('honest.example')
  answer('honest.example')
  await known
  for (let n = 0; n < 2 * LIMITS.names; n++) {
    const one = said(`n${n}.example`, 'evil.example')
    answer(`n${n}.example`)
    await one
  }
  assert.equal(await said('honest.example'), '198.51.100.1')
})

test('a name of the settings that no DNS answers is given up as well', async () => {
  const { said } = resolver()
  assert.match(String(await said('silent.example')), /no address from the resolver within 0.4 seconds/)
})

test('a socket gets what its lookup finds, or the reason why there is none', async () => {
  const { names, answer } = resolver()
  const look = (lookup: LookupFunction, hostname: string) =>
    new Promise(resolve => lookup(hostname, { all: true }, (error, found) => resolve(error ?? found)))
  const found = look(lookupFor({ reach: 'elsewhere', redirectedBy: 'front.example' }, names), 'store.example')
  answer('store.example')
  assert.deepEqual(await found, FOUND)
  const late = look(lookupFor({ reach: 'anywhere', redirectedBy: 'front.example' }, names), 'dead.example')
  assert.ok((await late) instanceof SourceError)
})
