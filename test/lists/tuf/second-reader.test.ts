// What tuf-js makes of a state that our own reader has found in force.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TufState } from '../../../src/lists/tuf/refresh.ts'
import { assertSecondReaderAgrees } from '../../../src/lists/tuf/second-reader.ts'
import { readNewest } from '../../../src/lists/tuf/update.ts'
import { publishBy, signedAnew, withSubscriber } from '../../support/lists/subscribing.ts'

const KEEPERS = ['alice', 'bob']

/** A fault of our own reader, as far as it shows: a state that it should not have found. */
function withState(
  change: (state: TufState, signed: (file: string) => Promise<Uint8Array>) => Promise<TufState>,
) {
  return withSubscriber(async ({ store, source }, kept) => {
    kept.team('gnome', ['dora'], 1)
    kept.add('one', 1, 'gnome')
    await publishBy(kept, ...KEEPERS, 'dora', ...KEEPERS)
    const state = await readNewest(store, source, kept.now)
    await assertSecondReaderAgrees(store.rootFile, state, kept.now)
    const stranger = (file: string) => signedAnew(kept, file, () => undefined, ['mallory'])
    await assert.rejects(
      assertSecondReaderAgrees(store.rootFile, await change(state, stranger), kept.now),
      /tuf-js (?:refuses it: |reads another file as )/,
    )
  })
}

const METADATA = ['timestamp', 'snapshot', 'targets', 'team-gnome']

for (const role of METADATA)
  test(`${role} metadata that a stranger signed is refused by the second reader alone`, () =>
    withState(async (state, signed) => {
      const file = [...state.files.keys()].find(name => name.endsWith(`${role}.json`)) ?? ''
      return { ...state, files: new Map([...state.files, [file, await signed(file)]]) }
    }))

for (const of of ['the list', 'a team'])
  test(`another file than the metadata of ${of} has is told by the second reader alone`, () =>
    withState(async state => {
      const team = state.teams.get('team-gnome')
      const changed = of === 'the list' ? state.targets : team
      assert.ok(changed !== undefined)
      const targets = new Map(
        [...changed.targets].map(([path, file]) => [path, { ...file, sha256: '0'.repeat(64) }]),
      )
      return of === 'the list'
        ? { ...state, targets: { ...state.targets, targets } }
        : { ...state, teams: new Map([['team-gnome', { ...changed, targets }]]) }
    }))

test('the second reader judges ends by the time that it is told', () =>
  withSubscriber(async ({ store, source }, kept) => {
    const state = await readNewest(store, source, kept.now)
    await assertSecondReaderAgrees(store.rootFile, state, state.ends - 1)
    await assert.rejects(assertSecondReaderAgrees(store.rootFile, state, state.ends), /tuf-js refuses it: /)
  }))
