// Revocations that were taken at once, and whoever would have them gone again without being agreed to.
import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readDocument, writeDocument } from '../../../src/lists/keep/draft.ts'
import { keptHere } from '../../../src/lists/subscribe/kept.ts'
import type { Updated } from '../../../src/lists/subscribe/update.ts'
import type { Kept } from '../../support/lists/keeping.ts'
import { BOTH, revoke, type Taker, withTaker } from '../../support/lists/listed.ts'
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
    assert.match(updated.problem, /there is no metadata\/timestamp\.json/)
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

test('what is kept of them and was damaged is taken again', () =>
  withRevoked(async ({ update, book, directory }) => {
    for (const text of ['', 'nonsense', '{"format":"nixsig-revoked-2","parts":[]}']) {
      writeFileSync(join(directory, 'revoked'), text)
      assert.equal((await update({ mode: 'pinned' })).kind, 'waits')
      assert.equal(book().revocations.length, 1)
    }
  }))
