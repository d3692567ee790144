// docs/entrances.md, as this run generates it: every way into the store, tried by every kind of
// user, with and without a signature.
// takes: 7 minutes
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { withGuardedWorld } from '../support/guarded-world.ts'
import { EVERY_VERSION, type Version } from '../support/world.ts'
import { BUILDS } from './entrances/builds.ts'
import { COMMANDS } from './entrances/commands.ts'
import { CONTENTS } from './entrances/contents.ts'
import { COPIES } from './entrances/copies.ts'
import { printPage, withoutNumbers } from './entrances/docs.ts'
import { EVALUATION } from './entrances/evaluation.ts'
import { PROGRAMS } from './entrances/programs.ts'
import { ROOT } from './entrances/root.ts'
import { type Group, type Result, runEntrances, unadmitted } from './entrances/run.ts'

/**
 * A part of an entrance's text: only those that have it are tried, and nothing is held against the
 * page.
 */
const ONLY = process.env['NIXSIG_ENTRANCES'] ?? ''
const PAGE = join(PROJECT_ROOT, 'docs/entrances.md')

const GROUPS: readonly Group[] = [
  { title: 'Builds', word: 'b', entrances: BUILDS },
  { title: 'Commands and settings', word: 'c', entrances: COMMANDS },
  { title: 'Copies', word: 'p', entrances: COPIES },
  { title: 'Paths named by their contents', word: 'n', entrances: CONTENTS },
  { title: 'Evaluation and fetching', word: 'x', entrances: EVALUATION },
  { title: 'Sources that are run', word: 'r', entrances: PROGRAMS },
  { title: 'Root by hand', word: 'o', entrances: ROOT },
]

test('entrances', { concurrency: EVERY_VERSION.length }, async t => {
  const results: Result[] = []
  const families: Record<Version, string> = { bookworm: '', trixie: '', sid: '' }
  await Promise.all(
    EVERY_VERSION.map(version =>
      t.test(version, t =>
        withGuardedWorld(version, async guarded => {
          families[version] = `Nix ${guarded.world.nixVersion.split('.').slice(0, 2).join('.')}`
          results.push(...(await runEntrances(t, guarded, GROUPS, ONLY)))
          const left = await unadmitted(guarded, GROUPS)
          await t.test('no output is valid that nobody admitted', () => assert.deepEqual(left, []))
        }),
      ),
    ),
  )
  if (ONLY !== '') return
  await t.test('docs/entrances.md says what came of them', () => {
    const page = printPage(GROUPS, results, families)
    if (process.env['NIXSIG_UPDATE_DOCS'] === '1') writeFileSync(PAGE, page)
    const documented = withoutNumbers(readFileSync(PAGE, 'utf8')).split('\n')
    assert.deepEqual(
      documented,
      withoutNumbers(page).split('\n'),
      'NIXSIG_UPDATE_DOCS=1 writes the page anew',
    )
  })
})
