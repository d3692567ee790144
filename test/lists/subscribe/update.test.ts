// From what keepers publish to the book that judges read.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { endSubscription } from '../../../src/lists/subscribe/end.ts'
import { inTurn } from '../../../src/lists/subscribe/places.ts'
import { type Proposal, setClockBack, type Updated } from '../../../src/lists/subscribe/update.ts'
import { parseFloor } from '../../../src/lists/tuf/floor.ts'
import { DAY } from '../../support/lists/keeping.ts'
import { BOTH, developers, rekey, revoke, withTaker } from '../../support/lists/listed.ts'
import { metadataOf, publishBy, signedAnew } from '../../support/lists/subscribing.ts'

const SOURCE = { name: 'libmd-1.0.tar.gz', urls: [] }

function differenceIn(updated: Updated) {
  assert.ok('difference' in updated, JSON.stringify(updated))
  return updated.difference
}

test('what is new is asked about before it takes effect', () =>
  withTaker(async ({ update, book, asked }, kept) => {
    assert.deepEqual(
      book()
        .developersOf(SOURCE)
        .map(({ by }) => by),
      [['ex/dora']],
    )
    kept.add('eve', 2)
    developers(kept, 'libbsd', ['libbsd-*'], ['eve'])
    await publishBy(kept, ...BOTH)
    const agree = async () => {
      assert.equal(book().version, 1)
      assert.equal(book().principal('ex/eve'), undefined)
      return true
    }
    const updated = await update({ agree })
    assert.equal(updated.kind, 'taken')
    assert.equal(book().version, 2)
    assert.equal(book().principal('ex/eve')?.keys.length, 1)
    const { from, to, developers: found, changes } = differenceIn(updated)
    assert.deepEqual([from, to, found], [1, 2, { others: [], isWhole: true }])
    assert.deepEqual(
      changes.map(({ kind, part, name }) => `${kind} ${part} ${name}`),
      ['added principal ex/eve', 'added developers ex/libbsd'],
    )
    assert.equal((await update()).kind, 'newest')
    assert.equal(asked.length, 0)
  }))

test('what nobody agreed to waits, and is taken later', () =>
  withTaker(async ({ update, book, directory }, kept) => {
    kept.add('eve', 2)
    await publishBy(kept, ...BOTH)
    const { ends } = book()
    assert.equal((await update({ agree: async () => false })).kind, 'waits')
    assert.equal(book().version, 1)
    assert.equal(book().ends, ends)
    assert.equal(existsSync(join(directory, 'next')), false)
    for (const mode of ['ask', 'pinned'] as const)
      assert.equal((await update({ mode, agree: async () => mode === 'pinned' })).kind, 'waits')
    assert.equal((await update()).kind, 'taken')
    assert.equal(book().version, 2)
    assert.equal(existsSync(join(directory, 'tuf/waiting')), true)
    assert.deepEqual(readdirSync(join(directory, 'tuf/waiting/metadata')), [])
  }))

test('in the mode auto what is new is shown and taken', () =>
  withTaker(async ({ update, book }, kept) => {
    kept.add('eve', 2)
    await publishBy(kept, ...BOTH)
    let isShown = false
    const agree = async () => {
      isShown = true
      return false
    }
    assert.equal((await update({ mode: 'auto', agree })).kind, 'taken')
    assert.deepEqual([isShown, book().version], [true, 2])
  }))

for (const mode of ['ask', 'pinned'] as const)
  test(`${mode}: revocations are taken at once, and everything else waits`, () =>
    withTaker(async ({ update, book }, kept) => {
      kept.add('eve', 2)
      revoke(kept, 'dora')
      await publishBy(kept, ...BOTH)
      const agree = async () => {
        assert.equal(book().revocations.length, 1, 'while it is asked')
        return false
      }
      const updated = await update({ mode, agree })
      assert.deepEqual([updated.kind, 'revoked' in updated && updated.revoked], ['waits', true])
      assert.deepEqual(
        book().revocations.map(({ target }) => target),
        [{ principal: 'ex/dora' }],
      )
      assert.equal(book().version, 1)
      assert.equal(book().principal('ex/eve'), undefined)
      const again = await update({ mode, agree })
      assert.deepEqual([again.kind, 'revoked' in again && again.revoked], ['waits', false])
    }))

test('where nothing but a revocation is new, nothing waits', () =>
  withTaker(async ({ update, book }, kept) => {
    revoke(kept, 'dora')
    await publishBy(kept, ...BOTH)
    const agree = async ({ isSettled }: Proposal) => {
      assert.ok(isSettled)
      return false
    }
    const updated = await update({ agree })
    assert.deepEqual([updated.kind, 'changed' in updated && updated.changed], ['taken', true])
    assert.deepEqual([book().version, book().revocations.length], [2, 1])
    assert.equal((await update({ agree })).kind, 'newest')
  }))

test('revocations wait where the policy wants it', () =>
  withTaker(async ({ update, book }, kept) => {
    revoke(kept, 'dora')
    await publishBy(kept, ...BOTH)
    await update({ agree: async () => false, revocations: 'with-updates' })
    assert.deepEqual(book().revocations, [])
  }))

test('a list that is held back with all revocations counts as long as the newest is renewed', () =>
  withTaker(async ({ update, book }, kept) => {
    kept.add('eve', 2)
    await publishBy(kept, ...BOTH)
    const agree = async () => false
    await update({ agree })
    const before = book().ends
    kept.now += 20 * DAY
    await kept.sign('alice', 'snapshot', 'timestamp')
    kept.publish()
    await update({ agree })
    assert.ok(book().ends > before)
    assert.deepEqual([book().version, book().seen], [1, kept.now])
  }))

test('attack: a source gets another developer: it is told first, however the list says it', () =>
  withTaker(async ({ update }, kept) => {
    const told = async () => {
      await publishBy(kept, ...BOTH)
      const { developers } = differenceIn(await update({ agree: async () => false }))
      return developers.others.map(({ names, before, after }) => `${names}: ${before.name} ${after.by}`)
    }
    kept.add('mallory', 3)
    developers(kept, 'libmd', ['libmd-*'], ['dora', 'mallory'])
    assert.deepEqual(await told(), ['libmd-*: ex/libmd ex/dora,ex/mallory'])
    developers(kept, 'libmd', ['libmd-*'], ['dora'])
    developers(kept, 'other', ['*.tar.gz'], ['mallory'])
    assert.deepEqual(await told(), ['libmd-*.tar.gz: ex/libmd ex/mallory'])
    developers(kept, 'other', ['unrelated-*'], ['mallory'])
    assert.deepEqual(await told(), [])
    rekey(kept, 'dora', 1, 4)
    assert.deepEqual(await told(), ['libmd-*: ex/libmd ex/dora'])
  }))

test('attack: an old state from a mirror is refused, and the book stays', () =>
  withTaker(async ({ update, book, served }, kept) => {
    const old = metadataOf(kept)
    revoke(kept, 'dora')
    await publishBy(kept, ...BOTH)
    await update()
    for (const [path, bytes] of old) served.set(path, bytes)
    const updated = await update()
    assert.ok(updated.kind === 'failed')
    assert.match(updated.problem, /timestamp metadata.*goes back: version 2 was seen before.*version 1/)
    assert.deepEqual([book().version, book().revocations.length], [2, 1])
  }))

test('attack: a frozen list is refused, and its book ends', () =>
  withTaker(async ({ update, book }, kept) => {
    const { ends, seen } = book()
    kept.now += 400 * DAY
    const updated = await update()
    assert.ok(updated.kind === 'failed')
    assert.match(updated.problem, /ended on/)
    assert.deepEqual([book().ends, book().seen], [ends, seen])
  }))

test('a clock that was ahead is said, with what mends it, and mended', () =>
  withTaker(async ({ update, directory }, kept) => {
    const right = kept.now
    kept.now += 400 * DAY
    await update()
    kept.now = right
    const updated = await update()
    assert.ok(updated.kind === 'failed')
    assert.match(updated.problem, /clock said 2028-.* nixsig trust update ex --clock-was-ahead/)
    setClockBack(directory, right)
    assert.equal((await update()).kind, 'newest')
    assert.equal(parseFloor(readFileSync(join(directory, 'tuf/floor'))).seen, right)
  }))

test('keepers who withdraw the keys that signed what is in force are told, and their revocations taken', () =>
  withTaker(async ({ update, book, asked }, kept) => {
    for (const role of ['root', 'targets', 'snapshot', 'timestamp'])
      kept.rotate(role, ['dave', 'erin'], BOTH, 2)
    revoke(kept, 'dora')
    await publishBy(kept, 'alice', 'bob', 'dave', 'erin')
    await update({ agree: async proposal => asked.push(proposal) === 0 })
    assert.deepEqual([book().version, book().revocations.length], [1, 1])
    assert.equal(asked[0]?.isWithdrawn, true)
    assert.equal((await update()).kind, 'taken')
    assert.equal((await update()).kind, 'newest')
  }))

test("attack: a team's broken part does not keep the list from being updated", () =>
  withTaker(async ({ update, book, served }, kept) => {
    kept.team('gnome', ['ed'], 1)
    kept.add('gina', 5, 'gnome')
    await publishBy(kept, ...BOTH, 'ed', ...BOTH)
    await update()
    assert.equal(book().principal('ex/gnome.gina')?.keys.length, 1)
    const names = [...metadataOf(kept).keys()].flatMap(path => /\d+\.team-gnome\.json$/.exec(path) ?? [])
    const name = names.at(-1) ?? assert.fail('no team')
    const none = (signed: Record<string, unknown>) => Object.assign(signed, { targets: {} })
    served.set(`metadata/${name}`, await signedAnew(kept, name, none, ['ed']))
    const second = await update()
    assert.equal(second.kind, 'failed', 'two states of one version')
  }))

test('what is kept here and was damaged is fetched again', () =>
  withTaker(async ({ update, book, directory }) => {
    writeFileSync(join(directory, 'book'), 'nonsense')
    assert.equal((await update()).kind, 'taken')
    assert.equal(book().version, 1)
    // Behind the first line, which judges do not read to the end.
    const bytes = readFileSync(join(directory, 'book'))
    const whole = Buffer.from(bytes)
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
    writeFileSync(join(directory, 'book'), bytes)
    assert.equal((await update()).kind, 'taken')
    assert.deepEqual(readFileSync(join(directory, 'book')), whole)
    writeFileSync(join(directory, 'tuf/metadata/1.targets.json'), 'nonsense')
    assert.equal((await update()).kind, 'taken')
  }))

for (const [name, contents] of [
  ['floor', ''],
  ['floor', 'nonsense'],
  ['metadata/1.root.json', ''],
  ['metadata/1.root.json', '{}'],
] as const)
  test(`a damaged ${name} (${contents || 'empty'}) is told with what mends it, and the book stays`, () =>
    withTaker(async ({ update, book, directory }, kept) => {
      writeFileSync(join(directory, 'tuf', name), contents)
      kept.add('eve', 2)
      await publishBy(kept, ...BOTH)
      const updated = await update()
      assert.ok(updated.kind === 'failed')
      assert.ok(updated.problem.startsWith(`${join(directory, 'tuf', name)} is damaged`), updated.problem)
      assert.ok(updated.problem.includes(`rm -r ${directory}, then nixsig trust subscribe`), updated.problem)
      assert.equal(book().version, 1)
      endSubscription(directory)
      assert.equal(existsSync(join(directory, 'book')), false)
    }))

test('a clock of any time leaves a book that can be read', () =>
  withTaker(async ({ update, book }) => {
    for (const now of [-5, 0, 1, 1e12]) {
      await update({ now })
      assert.equal(book().version, 1, `${now}`)
    }
  }))

test('two updates of one list do not run at once', () =>
  withTaker(async ({ directory, update }) => {
    const held = await inTurn(directory, async () => {
      assert.equal(await inTurn(directory, () => update()), undefined)
      return update()
    })
    assert.equal(held?.value.kind, 'newest')
  }))

test('a list that was never subscribed to here says which command begins', () =>
  withTaker(async ({ directory, update }) => {
    const updated = await update({ directory: `${directory}-other`, name: 'other' })
    assert.ok(updated.kind === 'failed')
    assert.match(updated.problem, /nixsig trust subscribe \S+ --as other --root FINGERPRINTS/)
  }))
