// docs/entrances.md is what this run gives: every way into the store, tried by everybody, with and without a signature.
import { test } from 'node:test'
import { withGuardedWorld } from '../support/guarded-world.ts'
import { VERSIONS } from '../support/world.ts'
import { BUILDS } from './entrances/builds.ts'
import { COMMANDS } from './entrances/commands.ts'
import { type Group, type Result, runEntrances } from './entrances/run.ts'

const GROUPS: readonly Group[] = [
  { title: 'Builds', word: 'b', entrances: BUILDS },
  { title: 'Commands', word: 'c', entrances: COMMANDS },
]

test('entrances', { concurrency: VERSIONS.length }, async t => {
  const results: Result[] = []
  await Promise.all(
    VERSIONS.map(version =>
      t.test(version, t => withGuardedWorld(version, guarded => runEntrances(t, guarded, GROUPS, results))),
    ),
  )
})
