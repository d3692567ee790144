/** Runs the entrance matrix: one subtest a cell, and what came of it for the page that documents it. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import * as nix from '../../support/expressions.ts'
import type { GuardedWorld } from '../../support/guarded-world.ts'
import { PACKAGER } from '../../support/guarded-world.ts'
import { contentsOf, packaged, publish } from '../../support/trust.ts'
import type { User, Version } from '../../support/world.ts'
import type { Attempt, Cell, Entrance } from './entrance.ts'

/** A part of the matrix, with a heading of its own. */
export interface Group {
  readonly title: string
  /** Of a-z alone, for the names of its cells. */
  readonly word: string
  readonly entrances: readonly Entrance[]
}

/** What came of what nobody attested. `let in` should be `data` or `open`; `half` is a command that says one and does the other. */
export type Came = 'refused' | 'let in' | 'half'

export interface Result {
  readonly entrance: Entrance
  readonly user: User
  readonly version: Version
  readonly came: Came
}

/** Runs all cells of these groups in one world, one after the other. */
export async function runEntrances(
  t: TestContext,
  guarded: GuardedWorld,
  groups: readonly Group[],
  results: Result[],
): Promise<void> {
  const { world } = guarded
  for (const { word, entrances } of groups) {
    for (const [index, entrance] of entrances.entries()) {
      if (!(entrance.versions ?? [world.version]).includes(world.version)) continue
      for (const user of entrance.users) {
        const cell = (trusted: boolean): Cell => ({
          guarded,
          world,
          user,
          trusted,
          name: `${trusted ? 'trusted' : 'untrusted'}-${word}${index}-${user}`,
        })
        await t.test(`${plain(entrance)}, ${user}, untrusted`, async () => {
          await untrusted(cell(false), entrance, came =>
            results.push({ entrance, user, version: world.version, came }),
          )
        })
        await t.test(`${plain(entrance)}, ${user}, trusted`, () => trusted(cell(true), entrance))
      }
    }
  }
}

function plain({ entrance }: Entrance): string {
  return entrance.replaceAll('`', '')
}

async function trusted(cell: Cell, entrance: Entrance): Promise<void> {
  const attempt = await entrance.attempt(cell)
  const said = told(cell, attempt)
  if (entrance.trusted === 'refused') {
    assert.equal(await cameOf(cell, attempt), 'refused', said)
    return
  }
  assert.equal(await cameOf(cell, attempt), 'let in', said)
  if (entrance.untrusted === 'data') await assertBuiltUpon(cell, attempt.path)
}

async function untrusted(cell: Cell, entrance: Entrance, record: (came: Came) => void): Promise<void> {
  const before = cell.guarded.daemonLog().length
  const first = await entrance.attempt(cell)
  const came = await cameOf(cell, first)
  record(came)
  const said = told(cell, first)
  if (entrance.untrusted !== 'refused') {
    assert.equal(came, 'let in', said)
    if (entrance.untrusted === 'data') await assertNotBuiltUpon(cell, first.path)
    return
  }
  assert.equal(came, 'refused', said)
  const reason = entrance.reason ?? /nixsig: refused /
  // Nix 2.8 keeps what a trigger says to itself.
  const log = cell.world.version === 'bookworm' ? cell.guarded.daemonLog().slice(before) : ''
  assert.match(`${first.outcome.stderr}${first.outcome.stdout}${log}`, reason)
  const second = await entrance.attempt(cell)
  assert.equal(await cameOf(cell, second), 'refused', `the second time: ${told(cell, second)}`)
}

async function cameOf({ guarded }: Cell, { outcome, path }: Attempt): Promise<Came> {
  const isIn = path === undefined ? outcome.status === 0 : await guarded.isValid(path)
  if (isIn !== (outcome.status === 0)) return 'half'
  return isIn ? 'let in' : 'refused'
}

function told({ name }: Cell, { outcome, path }: Attempt): string {
  return `${name} (${path ?? 'no path'}) ended with ${outcome.status}\n${outcome.stdout}${outcome.stderr}`
}

/** A build that needs a path which lies in the store as data. */
async function buildUpon({ guarded, world, user, name }: Cell, path: string | undefined) {
  assert.ok(path, 'data has a path')
  const expression = nix.withInputs(`${name}-upon`, [`(builtins.storePath ${path})`])
  const { drv, out } = await guarded.instantiate(`${name}-upon`, expression)
  publish(world, drv, packaged(PACKAGER, await contentsOf(world, drv)))
  const outcome = await world.run(['nix-store', '--realise', drv], { user })
  return { outcome, path: out }
}

async function assertBuiltUpon(cell: Cell, path: string | undefined): Promise<void> {
  const attempt = await buildUpon(cell, path)
  assert.equal(await cameOf(cell, attempt), 'let in', told(cell, attempt))
}

async function assertNotBuiltUpon(cell: Cell, path: string | undefined): Promise<void> {
  for (const _ of [1, 2]) {
    const attempt = await buildUpon(cell, path)
    assert.equal(await cameOf(cell, attempt), 'refused', told(cell, attempt))
    assert.match(attempt.outcome.stderr, /nixsig: refused /)
  }
}
