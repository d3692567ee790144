// Teams of a list as they come and go, in several files that are written one after the other.
import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { readDocument, readDraft } from '../../../src/lists/keep/draft.ts'
import { addTeam, removeTeam } from '../../../src/lists/keep/teams.ts'
import { Killed, withCalls } from '../../support/file-faults.ts'
import { type Kept, keeper, withKept } from '../../support/lists/keeping.ts'

const add = ({ dir }: Kept) =>
  addTeam(dir, 'gnome', { names: ['gnome-*'], urls: [] }, { add: [keeper('dora')], remove: [], threshold: 1 })

const remove = ({ dir }: Kept) => removeTeam(dir, 'gnome')

/** Interrupts a change before each of its calls of the system, and lets `after` look each time. */
function interrupted(kept: Kept, change: (kept: Kept) => void, after: () => void): void {
  const saved = `${kept.dir}.saved`
  rmSync(saved, { recursive: true, force: true })
  cpSync(kept.dir, saved, { recursive: true })
  for (let at = 0, whole = Infinity; at < whole; at++) {
    rmSync(kept.dir, { recursive: true })
    cpSync(saved, kept.dir, { recursive: true })
    try {
      whole = withCalls(
        () => change(kept),
        (_, number) => {
          if (number === at) throw new Killed()
        },
      ).length
    } catch (error) {
      if (!(error instanceof Killed)) throw error
    }
    after()
  }
}

test('a team that was added half is whole after the same call', () =>
  withKept(['alice', 'bob'], 2, async kept =>
    interrupted(kept, add, () => {
      add(kept)
      const { keepers, list, teams } = readDraft(kept.dir)
      assert.deepEqual(keepers.roles.get('team-gnome'), { keepers: ['dora'], threshold: 1 })
      assert.deepEqual([...list.document.teams.keys()], ['gnome'])
      assert.equal(teams.get('team-gnome')?.document.name, 'gnome')
    }),
  ))

test('what a team that was added half says already is not lost by the same call', () =>
  withKept(['alice', 'bob'], 2, async kept => {
    let said = 0
    interrupted(kept, add, () => {
      const isThere = readDocument(kept.dir, undefined).teams.has('gnome')
      if (isThere) kept.add('eve', 1, 'gnome')
      add(kept)
      assert.equal(readDocument(kept.dir, 'gnome').principals.has('eve'), isThere)
      if (isThere) said++
    })
    assert.ok(said > 1)
  }))

test('a team that was taken out half is gone after the same call, or whole again after it is added', () =>
  withKept(['alice', 'bob'], 2, async kept => {
    for (const next of [add, remove]) {
      add(kept)
      interrupted(kept, remove, () => {
        const isThere = readDocument(kept.dir, undefined).teams.has('gnome')
        if (isThere || next === add) next(kept)
        const { keepers, list } = readDraft(kept.dir)
        assert.equal(list.document.teams.has('gnome'), next === add)
        assert.equal(keepers.roles.has('team-gnome'), next === add)
      })
    }
  }))

test('a change of teams that makes no sense writes nothing', () =>
  withKept(['alice', 'bob'], 2, async kept => {
    const rotation = { add: [keeper('dora')], remove: [], threshold: 2 }
    const team = { names: ['gnome-*'], urls: [] }
    for (const change of [
      () => addTeam(kept.dir, 'gnome', team, rotation),
      () => addTeam(kept.dir, 'gnome', { names: [], urls: [] }, { ...rotation, threshold: 1 }),
      () => addTeam(kept.dir, 'no name', team, { ...rotation, threshold: 1 }),
      () => removeTeam(kept.dir, 'gnome'),
    ])
      assert.deepEqual(
        withCalls(() => assert.throws(change, { name: 'FormatError' })),
        [],
      )
  }))
