// Revocations that were taken at once, and whoever would have them gone again without being agreed to.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { targetFile } from '../../../src/formats/lists/target-path.ts'
import { readDocument, writeDocument } from '../../../src/lists/keep/draft.ts'
import { setEntry } from '../../../src/lists/keep/edit.ts'
import { keptHere } from '../../../src/lists/subscribe/kept.ts'
import { readTaken } from '../../../src/lists/subscribe/taken.ts'
import type { Updated } from '../../../src/lists/subscribe/update.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import type { Kept } from '../../support/lists/keeping.ts'
import { BOTH, developers, revoke, type Taker, withTaker } from '../../support/lists/listed.ts'
import { certificateOf } from '../../support/lists/small-lists.ts'
import { publishBy } from '../../support/lists/subscribing.ts'

/** A subscriber who has agreed to nothing since dora was revoked. */
const withRevoked = (use: (taker: Taker, kept: Kept) => Promise<void>) =>
  withTaker(async (taker, kept) => {
    revoke(kept, 'dora')
    await publishBy(kept, ...BOTH)
    await taker.update({ mode: 'pinned' })
    assert.equal(taker.book().revocations.length, 1)
    await use(taker, kept)
  })

async function publishWithoutRevocations(kept: Kept): Promise<void> {
  writeDocument(kept.dir, undefined, { ...readDocument(kept.dir, undefined), revocations: [] })
  await publishBy(kept, ...BOTH)
}

const changesIn = (updated: Updated) =>
  'difference' in updated ? updated.difference.changes.map(({ kind, part }) => `${kind} ${part}`) : []

test('attack: a mirror shows a new root and nothing else: what was revoked stays revoked', () =>
  withRevoked(async ({ update, book, served }, kept) => {
    kept.rotate('timestamp', ['tina'], BOTH, 1)
    await publishBy(kept, ...BOTH, 'tina', ...BOTH)
    served.set('metadata/timestamp.json', null)
    const updated = await update()
    assert.ok(updated.kind === 'failed')
    assert.match(updated.problem, /metadata\/timestamp\.json is absent/)
    assert.deepEqual([updated.changed, book().revocations.length], [false, 1])
  }))

test('a state that waits and was lost takes no revocation with it', () =>
  withRevoked(async ({ update, book, served, directory }) => {
    rmSync(join(directory, 'tuf/waiting'), { recursive: true })
    served.set('metadata/timestamp.json', null)
    assert.equal((await update()).kind, 'failed')
    assert.equal(book().revocations.length, 1)
  }))

test('attack: a newer state without a revocation does not take it back before somebody agrees', () =>
  withRevoked(async ({ update, book, directory }, kept) => {
    kept.add('erin', 3)
    await publishWithoutRevocations(kept)
    const updated = await update({ mode: 'pinned' })
    assert.deepEqual([updated.kind, changesIn(updated)], ['waits', ['removed revocation', 'added principal']])
    assert.equal(book().revocations.length, 1)
    const { waiting } = await keptHere(directory, 'ex')
    assert.deepEqual(
      waiting?.difference.changes.map(({ kind, part }) => `${kind} ${part}`),
      ['removed revocation', 'added principal'],
    )
    assert.equal((await update()).kind, 'taken')
    assert.deepEqual(book().revocations, [])
    assert.equal(existsSync(join(directory, 'revoked')), false)
  }))

test('attack: a newer state like the one in force, but for a revocation, is asked about', () =>
  withRevoked(async ({ update, book }, kept) => {
    await publishWithoutRevocations(kept)
    const updated = await update({ agree: async () => false })
    assert.deepEqual([updated.kind, changesIn(updated)], ['waits', ['removed revocation']])
    assert.equal(book().revocations.length, 1)
  }))

test("a team's revocations that were taken at once stay as well", () =>
  withTaker(async ({ update, book, served }, kept) => {
    kept.team('gnome', ['ed'], 1)
    kept.add('gina', 5, 'gnome')
    await publishBy(kept, ...BOTH, 'ed', ...BOTH)
    await update()
    const team = readDocument(kept.dir, 'gnome')
    const revocation = { target: { principal: 'gina' }, date: kept.now, reason: 'left' }
    writeDocument(kept.dir, 'gnome', { ...team, revocations: [revocation] })
    await publishBy(kept, 'ed', ...BOTH)
    await update({ mode: 'pinned' })
    kept.rotate('timestamp', ['tina'], BOTH, 1)
    await publishBy(kept, ...BOTH, 'tina', ...BOTH)
    served.set('metadata/timestamp.json', null)
    await update()
    assert.deepEqual(
      book().revocations.map(({ target }) => target),
      [{ principal: 'ex/gnome.gina' }],
    )
  }))

test('where what is kept of them was damaged, nothing is taken back, and it is said what to do', () =>
  withRevoked(async ({ update, book, directory }) => {
    for (const text of ['', 'nonsense', '{"format":"nixsig-revoked-2","parts":[]}']) {
      writeFileSync(join(directory, 'revoked'), text)
      await assert.rejects(update({ mode: 'pinned' }), /revoked is damaged .*; next: /)
      assert.equal(book().revocations.length, 1)
    }
    rmSync(join(directory, 'revoked'))
    assert.equal((await update({ mode: 'pinned' })).kind, 'waits')
    assert.equal(book().revocations.length, 1)
  }))

for (const mode of ['ask', 'auto'] as const)
  test(`attack, ${mode}: a mirror withholds a certificate of the new state: its revocations are taken`, () =>
    withTaker(async ({ update, book, served }, kept) => {
      const { path, openpgp, bytes } = certificateOf('zoe')
      mkdirSync(join(kept.dir, 'certificates'))
      writeFileSync(join(kept.dir, path), bytes)
      const keys = [{ openpgp, certificate: path }]
      writeDocument(
        kept.dir,
        undefined,
        setEntry(readDocument(kept.dir, undefined), 'principals', 'zoe', { keys }),
      )
      revoke(kept, 'dora')
      await publishBy(kept, ...BOTH)
      served.set(targetFile(path, toHex(sha256(bytes))), null)
      const updated = await update({ mode })
      assert.ok(updated.kind === 'failed')
      assert.match(
        updated.problem,
        /targets\/certificates\/\S+ is absent.*its new revocations were taken all the same/,
      )
      assert.deepEqual([book().version, book().revocations.length], [1, 1])
      served.clear()
      assert.equal((await update({ mode })).kind, 'taken')
      assert.deepEqual([book().version, book().revocations.length], [2, 1])
    }))

test('what cannot be taken otherwise revokes nothing where the policy has revocations wait', () =>
  withTaker(async ({ update, book }, kept) => {
    for (let number = 0; number < 90; number++) {
      const name = `entry-${number}`
      developers(kept, name, ['*'], ['dora'])
    }
    revoke(kept, 'dora')
    await publishBy(kept, ...BOTH)
    const updated = await update({ revocations: 'with-updates' })
    assert.ok(updated.kind === 'failed')
    assert.match(updated.problem, /one of too many that could match one source/)
    assert.deepEqual(book().revocations, [])
    assert.equal((await update()).kind, 'failed')
    assert.equal(book().revocations.length, 1)
  }))

test('attack: revocations beyond what any list may have push none of those before out', () =>
  withRevoked(async ({ update, book, directory }, kept) => {
    const document = readDocument(kept.dir, undefined)
    const target = (number: number) => ({ principal: `nobody-${number}` })
    const many = Array.from({ length: 20_000 }, (_, number) => ({
      target: target(number),
      date: kept.now,
      reason: 'none',
    }))
    writeDocument(kept.dir, undefined, { ...document, revocations: many })
    await publishBy(kept, ...BOTH)
    await assert.rejects(update({ mode: 'pinned' }), /too many revocations would be in force/)
    assert.deepEqual(
      book().revocations.map(each => each.target),
      [{ principal: 'ex/dora' }],
    )
    assert.ok(existsSync(join(directory, 'revoked')))
    assert.equal((await update({ mode: 'auto' })).kind, 'taken')
  }))

test('teams that come and go leave no more behind than can be read', () =>
  withRevoked(async ({ update, directory }, kept) => {
    for (const team of ['one', 'two', 'three']) {
      kept.team(team, ['ed'], 1)
      await publishBy(kept, ...BOTH, 'ed', ...BOTH)
      const revocation = { target: { principal: 'gina' }, date: kept.now, reason: 'left' }
      writeDocument(kept.dir, team, { ...readDocument(kept.dir, team), revocations: [revocation] })
      await publishBy(kept, 'ed', ...BOTH)
      await update({ mode: 'pinned' })
    }
    assert.deepEqual([...readTaken(directory).keys()], [undefined])
  }))
