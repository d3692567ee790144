// TUF's attacks (specification, 1.5.2), each on a list that was kept and published by our own code.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Floor, parseFloor } from '../../../src/lists/tuf/floor.ts'
import { boundedSource } from '../../../src/lists/tuf/source.ts'
import { openTufStore, type TufStore } from '../../../src/lists/tuf/store.ts'
import { beginTrust, readInForce, readNewest } from '../../../src/lists/tuf/update.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { DAY, type Kept, keeper } from '../../support/lists/keeping.ts'
import { metadataOf, publishBy, signedAnew, withSubscriber } from '../../support/lists/subscribing.ts'

const BOTH = ['alice', 'bob']

/** What was accepted last, by keys that nobody has withdrawn. */
async function acceptedIn(store: TufStore) {
  const { isWithdrawn, ...accepted } = (await readInForce(store)) ?? assert.fail('nothing was accepted')
  assert.equal(isWithdrawn, false)
  return accepted
}

/** A team of two keepers, one of whom is enough, with one principal. */
async function withTeam(kept: Kept): Promise<void> {
  kept.team('gnome', ['dora', 'ed'], 1)
  kept.add('one', 1, 'gnome')
  await publishBy(kept, ...BOTH, 'dora', ...BOTH)
}

test('a team speaks for the files of its directory', () =>
  withSubscriber(async ({ store, source }, kept) => {
    await withTeam(kept)
    const newest = await readNewest(store, source, kept.now)
    assert.deepEqual([...newest.teams.keys(), ...newest.lapsed.keys()], ['team-gnome'])
    assert.match(String(await newest.target('teams/gnome/list.json')), /"one"/)
  }))

test('attack: a team that lists a file of the list itself, or of another team', () =>
  withSubscriber(async ({ store, source, served, directory }, kept) => {
    await withTeam(kept)
    const version = (await readNewest(store, source, kept.now)).teams.get('team-gnome')?.version
    const second = openTufStore(join(directory, 'second'))
    await beginTrust(second, source, { keys: [keeper('alice').id] })
    const name = `${version}.team-gnome.json`
    const file = { length: 1, hashes: { sha256: '0'.repeat(64) } }
    const paths = ['other.json', 'teams/kde/list.json', 'teams/gnome/deep/deeper/x', 'teams/gnome/own.json']
    const more = (signed: Record<string, unknown>) =>
      Object.assign(signed, { targets: Object.fromEntries(paths.map(path => [path, file])) })
    served.set(`metadata/${name}`, await signedAnew(kept, name, more, ['dora']))
    const newest = await readNewest(second, source, kept.now)
    for (const path of paths.slice(0, 3)) assert.equal(await newest.target(path), undefined, path)
    await assert.rejects(newest.target('teams/gnome/own.json'), /targets\/teams\/gnome\/\S+ is absent/)
  }))

test('attack: a team whose metadata its own keepers did not sign', () =>
  withSubscriber(async ({ store, source, served }, kept) => {
    await withTeam(kept)
    const [name = ''] = [...metadataOf(kept).keys()].filter(each => each.includes('team-gnome')).slice(-1)
    const none = () => undefined
    served.set(name, await signedAnew(kept, name.slice('metadata/'.length), none, BOTH))
    await assert.rejects(
      readNewest(store, source, kept.now),
      /team-gnome metadata.*needs 1 signatures by its keys, has 0/,
    )
  }))

test('attack: a snapshot that leaves out a team which was seen', () =>
  withSubscriber(async ({ store, update, served }, kept) => {
    await withTeam(kept)
    const { targets } = await update()
    const next = (version: number, meta: object) => (signed: Record<string, unknown>) =>
      Object.assign(signed, { version, meta })
    const names = [...metadataOf(kept).keys()]
      .map(each => /(\d+)\.snapshot/.exec(each)?.[1])
      .filter(each => each)
    const last = Math.max(...names.map(Number))
    const without = next(last + 1, { 'targets.json': { version: targets.version } })
    const timestamp = next(1000, { 'snapshot.json': { version: last + 1 } })
    served.set(
      `metadata/${last + 1}.snapshot.json`,
      await signedAnew(kept, `${last}.snapshot.json`, without, BOTH),
    )
    served.set('metadata/timestamp.json', await signedAnew(kept, 'timestamp.json', timestamp, BOTH))
    await assert.rejects(update(), /no longer has team-gnome/)
    assert.equal((await acceptedIn(store)).teams.size, 1)
  }))

test('a list is updated, kept, and read again from what was kept', () =>
  withSubscriber(async ({ store, update, directory }, kept) => {
    await update()
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    assert.equal((await update()).targets.version, 2)
    const accepted = await acceptedIn(store)
    assert.match(String(await accepted.target('list.json')), /"one"/)
    assert.equal(existsSync(join(directory, 'metadata/1.targets.json')), false, 'the old state is gone')
    assert.equal(existsSync(join(directory, 'metadata/1.root.json')), true)
  }))

test('attack: another list than the one that was meant', () =>
  withSubscriber(async ({ source, directory }) => {
    const store = openTufStore(join(directory, 'second'))
    const root = await source.read('metadata/1.root.json', 100_000)
    const right = toHex(sha256(root ?? assert.fail('no root')))
    await assert.rejects(
      beginTrust(store, source, { sha256: '0'.repeat(64) }),
      new RegExp(`SHA-256 ${right}, and not 0`),
    )
    const keys = ['alice', 'mallory'].map(name => keeper(name).id)
    await assert.rejects(beginTrust(store, source, { keys }), /not signed by the key/)
    await assert.rejects(beginTrust(store, source, { keys: [] }), /not signed/)
    assert.equal(store.root(), undefined)
    await beginTrust(store, source, { sha256: right })
    assert.equal(store.fingerprint(), right)
  }))

test('attack: rollback of everything to an older state', () =>
  withSubscriber(async ({ update, served }, kept) => {
    const old = metadataOf(kept)
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    await update()
    for (const [path, bytes] of old) served.set(path, bytes)
    await assert.rejects(update(), /timestamp metadata.*goes back: version 2 was seen before.*version 1/)
  }))

test('attack: rollback after an update that did not come to its end', () =>
  withSubscriber(async ({ update, served, store }, kept) => {
    await update()
    const old = metadataOf(kept)
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    served.set('metadata/2.targets.json', null)
    await assert.rejects(update(), /metadata\/2\.targets\.json is absent/)
    assert.equal((await acceptedIn(store)).targets.version, 1, 'the accepted state stays')
    for (const [path, bytes] of old) served.set(path, bytes)
    await assert.rejects(update(), /timestamp metadata.*goes back/)
  }))

test('attack: a new timestamp that names an old snapshot', () =>
  withSubscriber(async ({ update, served }, kept) => {
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    await update()
    const back = (signed: Record<string, unknown>) =>
      Object.assign(signed, { version: 3, meta: { 'snapshot.json': { version: 1 } } })
    served.set('metadata/timestamp.json', await signedAnew(kept, 'timestamp.json', back, BOTH))
    await assert.rejects(update(), /snapshot metadata.*goes back/)
  }))

test('attack: mix and match: a new snapshot that names old targets', () =>
  withSubscriber(async ({ update, served }, kept) => {
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    await update()
    const snapshot = (signed: Record<string, unknown>) =>
      Object.assign(signed, { version: 3, meta: { 'targets.json': { version: 1 } } })
    const timestamp = (signed: Record<string, unknown>) =>
      Object.assign(signed, { version: 3, meta: { 'snapshot.json': { version: 3 } } })
    served.set('metadata/3.snapshot.json', await signedAnew(kept, '2.snapshot.json', snapshot, BOTH))
    served.set('metadata/timestamp.json', await signedAnew(kept, 'timestamp.json', timestamp, BOTH))
    await assert.rejects(update(), /targets metadata.*goes back: version 2 was/)
  }))

test('attack: mix and match: a file of another version under the name that was asked for', () =>
  withSubscriber(async ({ update, served }, kept) => {
    const old = metadataOf(kept).get('metadata/1.targets.json') ?? assert.fail('no targets')
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    served.set('metadata/2.targets.json', old)
    await assert.rejects(update(), /targets metadata.*must be version 2, as was named/)
  }))

test('attack: two states of one version', () =>
  withSubscriber(async ({ update, served }, kept) => {
    await update()
    const other = (signed: Record<string, unknown>) =>
      Object.assign(signed, { expires: '2030-01-01T00:00:00Z' })
    for (const name of ['timestamp.json', '1.targets.json']) {
      served.clear()
      served.set(`metadata/${name}`, await signedAnew(kept, name, other, BOTH))
      await assert.rejects(update(), /was signed with other contents/, name)
    }
  }))

test('attack: freeze: the same state for ever, and a clock that is set back', () =>
  withSubscriber(async ({ update, store, source }, kept) => {
    await update()
    const start = kept.now
    kept.now += 400 * DAY
    await assert.rejects(update(), /metadata.*ended on .*, and it is 2028-/)
    await assert.rejects(readNewest(store, source, start), /ended on/, 'the latest time counts')
    assert.equal((await acceptedIn(store)).targets.version, 1)
  }))

test('attack: metadata that too few of its keepers signed', () =>
  withSubscriber(async ({ update, served }, kept) => {
    const none = () => undefined
    const refused = async (name: string, by: readonly string[], why: RegExp) => {
      served.clear()
      served.set(`metadata/${name}`, await signedAnew(kept, name, none, by))
      await assert.rejects(update(), why, `${name} by ${by}`)
    }
    for (const name of ['timestamp.json', '1.snapshot.json'])
      await refused(name, ['mallory', 'eve'], /needs 1 signatures by its keys, has 0/)
    for (const by of [['alice'], ['mallory', 'eve'], ['alice', 'mallory']])
      await refused('1.targets.json', by, /needs 2 signatures by its keys, has [01]/)
  }))

test('attack: a target that is not the file that was signed, or is longer', () =>
  withSubscriber(async ({ store, source, served }, kept) => {
    const candidate = await readNewest(store, source, kept.now)
    const known = candidate.targets.targets.get('list.json') ?? assert.fail('no list')
    const name = `targets/${known.sha256}.list.json`
    for (const bytes of [Buffer.alloc(known.length), Buffer.alloc(known.length + 1), Buffer.alloc(0)]) {
      served.set(name, bytes)
      await assert.rejects(candidate.target('list.json'), /is not the file that was signed/)
    }
    assert.equal(await candidate.target('certificates/other.pgp'), undefined)
  }))

test('attack: data without end', async () => {
  const source = { read: async (_: string, limit: number) => Buffer.alloc(limit) }
  const bounded = boundedSource(source, { bytes: 100, files: 3, time: 1000 })
  assert.equal((await bounded.read('a', 60))?.length, 60)
  assert.equal((await bounded.read('b', 60))?.length, 40)
  await assert.rejects(bounded.read('c', 60), /at most 100 bytes/)
  await assert.rejects(bounded.read('d', 60), /at most 3 files/)
})

test('fast-forward by stolen keys is undone by a root without them', () =>
  withSubscriber(async ({ update, served }, kept) => {
    await update()
    const far = (signed: Record<string, unknown>) => Object.assign(signed, { version: 2 ** 40 })
    served.set('metadata/timestamp.json', await signedAnew(kept, 'timestamp.json', far, BOTH))
    await update()
    served.clear()
    await assert.rejects(update(), /timestamp metadata.*goes back/)
    kept.rotate('timestamp', ['dora', 'ed'], ['alice', 'bob', 'carol'], 2)
    await publishBy(kept, 'alice', 'bob', 'dora', 'ed')
    assert.equal((await update()).root.version, 2)
  }))

test('attack: a rotation of some keys does not open the way back for those that stay', () =>
  withSubscriber(async ({ update, served }, kept) => {
    const old = metadataOf(kept)
    kept.add('one', 1)
    await publishBy(kept, ...BOTH)
    await update()
    kept.rotate('timestamp', ['dora'], ['carol'])
    await publishBy(kept, ...BOTH)
    served.set('metadata/timestamp.json', old.get('metadata/timestamp.json') ?? assert.fail('no timestamp'))
    await assert.rejects(update(), /timestamp metadata.*goes back/)
  }))

test('a subscriber who was away follows all roots, and starts at none of them again', () =>
  withSubscriber(async ({ update, store, served }, kept) => {
    for (const [add, remove] of [
      ['dora', 'carol'],
      ['ed', 'dora'],
    ] as const) {
      kept.rotate('root', [add], [remove])
      await publishBy(kept, 'alice', 'bob')
    }
    assert.equal((await update()).root.version, 3)
    served.set('metadata/2.root.json', null)
    served.set('metadata/3.root.json', null)
    await update()
    assert.equal(store.root()?.version, 3)
  }))

test('attack: a state directory without its floor', () =>
  withSubscriber(async ({ update, directory }) => {
    await update()
    rmSync(join(directory, 'floor'))
    await assert.rejects(update(), /floor is not there, although the list was updated before/)
    writeFileSync(join(directory, 'floor'), '{}', { mode: 0o600 })
    await assert.rejects(update(), /floor/)
  }))

test('a floor reads what it has printed', () =>
  withSubscriber(async ({ update, directory }) => {
    await update()
    const text = readFileSync(join(directory, 'floor'), 'utf8')
    assert.equal(parseFloor(Buffer.from(text)).print(), text)
    assert.equal(new Floor(5).at(3).seen, 5)
  }))
