// What a machine remembers of a list: nothing goes below it, and nobody can make it grow until it cannot be read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Floor, parseFloor } from '../../../src/lists/tuf/floor.ts'
import { beginTrust, readNewest } from '../../../src/lists/tuf/update.ts'
import { keyCalled, memoryStore, Simulator } from '../../support/lists/simulator.ts'

const ONLINE = ['snapshot', 'timestamp'] as const

/** A list whose snapshot and timestamp alice or bob may sign. */
async function world() {
  const repo = new Simulator()
  const store = memoryStore()
  for (const role of ONLINE) repo.give(role, ['alice', 'bob'])
  repo.publish('root')
  await beginTrust(store, repo.source, { keys: [keyCalled('root 1').id] })
  const publishedBy = (name: string) => {
    for (const role of ONLINE) repo.signers.set(role, [name])
    repo.publish(...ONLINE)
    return repo.files.get('metadata/timestamp.json') ?? assert.fail('no timestamp')
  }
  const refresh = () => readNewest(store, repo.source, repo.now)
  return { repo, store, publishedBy, refresh }
}

test('attack: what bob signed last is withdrawn with his key, and what alice signed before comes back', async () => {
  const { repo, publishedBy, refresh } = await world()
  const old = publishedBy('alice')
  await refresh()
  publishedBy('bob')
  await refresh()
  for (const role of ONLINE) repo.give(role, ['alice', 'carol'])
  repo.publish('root')
  repo.files.set('metadata/timestamp.json', old)
  await assert.rejects(refresh(), /timestamp metadata: goes back: a later version than 2 was seen before/)
  publishedBy('alice')
  assert.equal((await refresh()).root.version, 3)
})

test('attack: a higher threshold does not open the way back either', async () => {
  const { repo, publishedBy, refresh } = await world()
  for (const role of ONLINE) repo.signers.set(role, ['alice', 'bob'])
  repo.publish(...ONLINE)
  const old = repo.files.get('metadata/timestamp.json') ?? assert.fail('no timestamp')
  await refresh()
  publishedBy('bob')
  await refresh()
  for (const role of ONLINE) repo.give(role, ['alice', 'bob'], 2)
  repo.publish('root')
  repo.files.set('metadata/timestamp.json', old)
  await assert.rejects(refresh(), /timestamp metadata: goes back: version 3 was seen before/)
})

test('a thief of one key goes as far as numbers go, and is undone by a root without it', async () => {
  const { repo, publishedBy, refresh } = await world()
  publishedBy('alice')
  await refresh()
  const before = ONLINE.map(role => repo.roles[role].version)
  for (const role of ONLINE) repo.roles[role].version = Number.MAX_SAFE_INTEGER - 1
  publishedBy('bob')
  await refresh()
  for (const [at, role] of ONLINE.entries()) repo.roles[role].version = before[at]
  for (const role of ONLINE) repo.give(role, ['alice', 'carol'])
  repo.publish('root')
  publishedBy('alice')
  assert.equal((await refresh()).root.version, 3)
})

test('attack: a thief who names other teams each time cannot make the floor too large to be read', async () => {
  const { repo, store, publishedBy, refresh } = await world()
  publishedBy('alice')
  await refresh()
  const { meta } = repo.roles['snapshot']
  const named = (round: number) =>
    Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`team-t${round}-${at}.json`, { version: 1 }]))
  for (let round = 0; round < 4; round++) {
    repo.roles['snapshot'].meta = { ...meta, 'targets.json': { version: 99 }, ...named(round) }
    publishedBy('bob')
    const why =
      round === 0 ? /metadata\/99\.targets\S+ is absent/ : /snapshot metadata: no longer has team-t0-0/
    await assert.rejects(refresh(), why)
  }
  assert.equal(parseFloor(store.files.get('floor') ?? Buffer.of()).knows('team-t0-249'), true)
  repo.roles['snapshot'].meta = meta
  for (const role of ONLINE) repo.give(role, ['alice', 'carol'])
  repo.publish('root')
  publishedBy('alice')
  assert.equal((await refresh()).targets.version, 1)
})

test('attack: what was named by an update that failed is not forgotten by the next snapshot', async () => {
  const { repo, publishedBy, refresh } = await world()
  repo.team('gnome', ['dora'])
  repo.publish('team-gnome', 'targets')
  publishedBy('alice')
  repo.files.delete('metadata/2.targets.json')
  await assert.rejects(refresh(), /metadata\/2\.targets\S+ is absent/)
  delete repo.roles['snapshot'].meta['team-gnome.json']
  publishedBy('alice')
  await assert.rejects(refresh(), /snapshot metadata: no longer has team-gnome/)
})

test('a clock that shows no date stops no update for ever', () => {
  for (const now of [0, -5, 1e15, 1.5, Number.POSITIVE_INFINITY]) {
    const floor = new Floor().at(now)
    assert.equal(parseFloor(Buffer.from(floor.print())).seen, floor.seen)
    assert.equal(parseFloor(Buffer.from(floor.setBack(7).print())).seen, 7)
  }
})

test('a clock that was years ahead: refused with both times, and taken back by whoever says so', async () => {
  const { repo, store, publishedBy, refresh } = await world()
  publishedBy('alice')
  await refresh()
  await assert.rejects(
    readNewest(store, repo.source, repo.now + 9 * 365 * 86_400),
    /ended on 2027-12-01.*it is 2035-/,
  )
  await assert.rejects(
    refresh(),
    /ended on 2027-12-01T00:00:00Z, and it was 2035-11-29T00:00:00Z at an update before/,
  )
  const old = repo.files.get('metadata/timestamp.json') ?? assert.fail('no timestamp')
  publishedBy('alice')
  await assert.rejects(refresh(), /at an update before/, 'nothing newer helps')
  store.keepFloor(store.floor().setBack(repo.now))
  await refresh()
  repo.files.set('metadata/timestamp.json', old)
  await assert.rejects(refresh(), /timestamp metadata: goes back/, 'no version went back by it')
})

test('attack: a floor with a mark twice, too late a time or too many keys', () => {
  const mark = { role: 'timestamp', version: 1, source: 'timestamp', by: {} }
  const floor = { format: 'nixsig-tuf-floor-1', seen: 1, marks: [mark] }
  const read = (value: object) => parseFloor(Buffer.from(JSON.stringify(value)))
  assert.equal(read(floor).knows('timestamp'), true)
  assert.throws(() => read({ ...floor, marks: [mark, mark] }), /has a mark twice/)
  assert.throws(() => read({ ...floor, seen: 1e15 }), /is later than the year 9999/)
  assert.throws(() => read({ ...floor, marks: [{ ...mark, superseded: false }] }), /must be true/)
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [String(at).padStart(64, '0'), 1]))
  assert.throws(() => read({ ...floor, marks: [{ ...mark, by: many }] }), /more than 64 keys/)
})
