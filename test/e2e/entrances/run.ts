/** Runs the entrance matrix: one subtest a cell, and what came of it for the page that documents it. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import * as nix from '../../support/expressions.ts'
import { type GuardedWorld, PACKAGER } from '../../support/guarded-world.ts'
import { packaged, publish } from '../../support/trust.ts'
import { EVERY_VERSION, type User, VERSIONS, type Version } from '../../support/world.ts'
import type { Attempt, Cell, Entrance } from './entrance.ts'

/** A part of the matrix, with a heading of its own. */
export interface Group {
  readonly title: string
  /** Of a-z alone, for the names of its cells. */
  readonly word: string
  readonly entrances: readonly Entrance[]
}

/**
 * What came of an attempt. `data`: let in, and a build upon it is refused. `half`: the command succeeded and its path is
 * not valid, or it failed and the path is.
 */
export type Came = 'refused' | 'data' | 'let in' | 'half'

export interface Result {
  readonly entrance: Entrance
  readonly user: User
  readonly version: Version
  readonly untrusted: Came
  readonly trusted: Came
}

/** Runs the cells of these groups in one world, one after the other: of entrances that have `only` in their text. */
export async function runEntrances(
  t: TestContext,
  guarded: GuardedWorld,
  groups: readonly Group[],
  only: string,
): Promise<readonly Result[]> {
  const { world } = guarded
  const results: Result[] = []
  for (const { word, entrances } of groups) {
    for (const [index, entrance] of entrances.entries()) {
      if (!entrance.entrance.includes(only)) continue
      if (!(entrance.versions ?? [world.version]).includes(world.version)) continue
      // One user of each entrance with each Nix, in turn, tries again what was refused.
      const turn = (index + EVERY_VERSION.indexOf(world.version)) % entrance.users.length
      for (const [nth, user] of entrance.users.entries()) {
        // All users with the oldest and the newest Nix, that one alone with the Nix between them.
        if (nth !== turn && !VERSIONS.includes(world.version)) continue
        const times = nth === turn ? 2 : 1
        const cell = (trusted: boolean): Cell => {
          const name = `${trusted ? 'trusted' : 'untrusted'}-${word}${index}-${user}`
          return { guarded, world, user, trusted, name }
        }
        const came: { untrusted: Came; trusted: Came } = { untrusted: 'half', trusted: 'half' }
        const title = `${entrance.entrance.replaceAll('`', '')}, ${user}`
        await t.test(`${title}, untrusted`, () =>
          untrusted(cell(false), entrance, times, outcome => {
            came.untrusted = outcome
          }),
        )
        await t.test(`${title}, trusted`, () =>
          trusted(cell(true), entrance, outcome => {
            came.trusted = outcome
          }),
        )
        results.push({ entrance, user, version: world.version, ...came })
      }
    }
  }
  return results
}

/**
 * Outputs that are valid in the system's store and that nobody admitted, whichever cell they come from. Left out are cells
 * that make such on purpose.
 */
export async function unadmitted(
  guarded: GuardedWorld,
  groups: readonly Group[],
): Promise<readonly string[]> {
  const onPurpose = groups.flatMap(({ word, entrances }) =>
    entrances.flatMap(({ untrusted, hasBefore }, index) =>
      untrusted === 'open' || hasBefore === true ? [`trusted-${word}${index}-`] : [],
    ),
  )
  const all = (await guarded.world.output('nix path-info --all')).split('\n').filter(Boolean)
  const judged = all.filter(path => !path.endsWith('.drv') && !onPurpose.some(name => path.includes(name)))
  return (await guarded.pathInfos(judged))
    .filter(({ path, ca, narHash }) => ca === undefined && guarded.admission(path)?.narHash !== narHash)
    .map(({ path }) => path)
}

/** Tries what nobody attested: it is refused each time, or gets in as the entrance declares. */
async function untrusted(
  cell: Cell,
  entrance: Entrance,
  times: number,
  record: (came: Came) => void,
): Promise<void> {
  const before = cell.guarded.daemonLog().length
  const first = await entrance.attempt(cell)
  const came =
    entrance.untrusted === 'data' ? await cameAsData(cell, entrance, first, times) : await cameOf(cell, first)
  record(came)
  const expected = entrance.untrusted === 'open' ? 'let in' : entrance.untrusted
  assert.equal(came, expected, told(cell, first))
  if (came !== 'refused') return
  // Nix 2.8 keeps to itself what the plugin says to it, and what a hook says goes to the daemon's log as well.
  const log = cell.world.version === 'bookworm' ? cell.guarded.daemonLog().slice(before) : ''
  const said = `${first.outcome.stderr}${first.outcome.stdout}${log}`
  assert.match(said, entrance.reason ?? /nixsig: refused /)
  assertSign(entrance, said)
  if (times === 1) return
  const second = await entrance.attempt(cell)
  assert.equal(await cameOf(cell, second), 'refused', `the second time: ${told(cell, second)}`)
}

/** What is attested passes, and can be built upon if it is data. */
async function trusted(cell: Cell, entrance: Entrance, record: (came: Came) => void): Promise<void> {
  const attempt = await entrance.attempt(cell)
  const came = await cameOf(cell, attempt)
  record(came)
  assert.equal(came, entrance.trusted === 'refused' ? 'refused' : 'let in', told(cell, attempt))
  if (entrance.untrusted !== 'data') return
  const upon = await buildUpon(cell, attempt.path)
  assert.equal(await cameOf(cell, upon), 'let in', told(cell, upon))
}

/** How the output shows which guard refused. */
const SIGNS: Readonly<Record<string, RegExp>> = {
  'pre-build hook': /unknown pre-build hook command/,
  'build-hook front': /^(?!.*(unknown pre-build hook command|executing SQLite statement))/s,
  plugin: /executing SQLite statement/,
  gate: /HTTP error 451/,
  'Nix itself': /^(?!.*nixsig: refused)/s,
}

function assertSign({ by }: Entrance, said: string): void {
  const sign = SIGNS[by]
  if (sign !== undefined) assert.match(said, sign, `it was not the ${by}`)
}

async function cameOf({ guarded }: Cell, { outcome, path }: Attempt): Promise<Came> {
  const isIn = path === undefined ? outcome.status === 0 : await guarded.isValid(path)
  if (isIn !== (outcome.status === 0)) return 'half'
  return isIn ? 'let in' : 'refused'
}

/** As `cameOf`, and `data` if a build that needs it is refused each of these times. */
async function cameAsData(cell: Cell, entrance: Entrance, attempt: Attempt, times: number): Promise<Came> {
  const came = await cameOf(cell, attempt)
  if (came !== 'let in') return came
  for (let time = 0; time < times; time++) {
    const upon = await buildUpon(cell, attempt.path)
    if ((await cameOf(cell, upon)) !== 'refused') return 'let in'
    assert.match(upon.outcome.stderr, /nixsig: refused /)
    assertSign(entrance, upon.outcome.stderr)
  }
  return 'data'
}

/** A build, attested itself, that needs a path which lies in the store. */
async function buildUpon({ guarded, world, user, name }: Cell, path: string | undefined): Promise<Attempt> {
  assert.ok(path, 'data has a path')
  const expression = nix.withInputs(`${name}-upon`, [`(builtins.storePath ${path})`])
  const { drv, out } = await guarded.instantiate(`${name}-upon`, expression)
  const info = await guarded.pathInfo(drv)
  assert.ok(info, `${drv} is not valid`)
  publish(world, drv, packaged(PACKAGER, { path: drv, narHash: info.narHash }))
  const outcome = await world.run(['nix-store', '--realise', drv], { user })
  return { outcome, path: out }
}

function told({ name }: Cell, { outcome, path }: Attempt): string {
  return `${name} (${path ?? 'no path'}) ended with ${outcome.status}\n${outcome.stdout}${outcome.stderr}`
}
