// What an audit kept is believed by the next one as long as nothing changed of what it rests on, and
// no longer. What is kept is changed here so that it shows of which paths it is believed, and after
// each change an audit that may believe what is kept finds the same as one that begins anew.
// takes: 1 minute
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Kept } from '../../src/audit/packed.ts'
import { parseKept, printKept } from '../../src/audit/parse-kept.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { entryFile } from '../../src/ledger/admissions.ts'
import { endRespite, giveRespite } from '../../src/ledger/respite.ts'
import { keepSeenClaims, withdrawSeenClaims } from '../../src/ledger/seen-conflicts.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { POLICY } from '../support/trust.ts'
import { OLDEST, type World } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
const KEPT = `${STATE}/audit/kept`
const AUDIT = '/opt/nixsig/nixsig audit --store --json'
/** The size that is kept and that no path has. */
const SIZE = 987_654_321
/** What has changed last is not kept: see databaseState. */
const SETTLED_MS = 2500

interface Believed {
  /** Of which paths what was kept was believed: their verdicts, and what the store registered. */
  readonly verdicts: readonly string[]
  readonly infos: readonly string[]
}

const NOTHING: Believed = { verdicts: [], infos: [] }

interface Told {
  readonly paths: readonly { path: string; rule: string | null; nar_size: number }[]
}

/** All that an audit tells but when it was. */
async function auditIn(world: World): Promise<Told> {
  const { stdout, stderr } = await world.run(AUDIT)
  assert.ok(stdout.startsWith('{'), stdout + stderr)
  const { time: _, ...told } = JSON.parse(stdout) as Told & { time: number }
  return told
}

async function believed(world: World): Promise<Believed> {
  const { paths } = await auditIn(world)
  const some = (is: (path: (typeof paths)[number]) => boolean) =>
    paths
      .filter(is)
      .map(({ path }) => path)
      .sort()
  return { verdicts: some(({ rule }) => rule === 'planted'), infos: some(path => path.nar_size === SIZE) }
}

/** What is kept, with verdicts and sizes that only it has. */
function planted(kept: Kept): Kept {
  return {
    ...kept,
    infos: kept.infos.map(info => ({ ...info, narSize: SIZE })),
    judged: judgedAs(kept, standing => ({ ...standing, rule: 'planted' })),
  }
}

type Judged = Kept['judged'][number][1]
type Standing = Judged['standing']

function judgedWith(kept: Kept, other: Partial<Judged>): Kept['judged'] {
  return kept.judged.map(([path, judged]) => [path, { ...judged, ...other }])
}

function judgedAs(kept: Kept, as: (standing: Standing, path: string) => Standing): Kept['judged'] {
  return kept.judged.map(([path, judged]) => [path, { ...judged, standing: as(judged.standing, path) }])
}

function keep(world: World, bytes: Uint8Array): void {
  const file = world.path(KEPT)
  rmSync(file, { force: true })
  writeFileSync(file, bytes, { mode: 0o600 })
}

for (const version of OLDEST) {
  test(`${version}: what is kept is believed while nothing changed, and no longer`, () =>
    withGuardedWorld(version, async ({ world, upstream }) => {
      const made = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => cachedPath(name, `${name}\n`, [BUILDER]))
      stock(upstream, ...made)
      for (const { path } of made)
        await world.output(`nix-store --realise --add-root /root/${path.slice(44)} --indirect ${path}`)
      await wait(SETTLED_MS)
      await believed(world)
      const real = parseKept(readFileSync(world.path(KEPT)))
      const kept = planted(real)
      const good = Buffer.from(printKept(kept))
      const all = made.map(({ path }) => path).sort()
      const [first = '', second = '', third = '', fourth = '', fifth = ''] = all
      const infos = kept.infos.map(({ path }) => path).sort()
      const after = async (bytes: Uint8Array) => {
        keep(world, bytes)
        return believed(world)
      }
      assert.deepEqual(await after(good), { verdicts: all, infos }, 'nothing changed')

      // What it was found by. Other files are those of another state, or another machine.
      const noVerdicts = { verdicts: [], infos }
      const others: readonly (readonly [string, Partial<Kept>, Believed])[] = [
        ["the machine's key", { basis: { ...kept.basis, own: `ed25519:${'ab'.repeat(32)}` } }, noVerdicts],
        ['another policy', { basis: { ...kept.basis, policy: 'ab'.repeat(32) } }, noVerdicts],
        ['another nixsig', { basis: { ...kept.basis, version: '0.0.1' } }, NOTHING],
        ['a date of the policy passed', { change: kept.time }, noVerdicts],
        ['a clock that was set back', { time: kept.time + 9999 }, noVerdicts],
        ['another database', { database: '1:2:3:4 none none' }, { verdicts: all, infos: [] }],
        ['no database', { database: undefined }, { verdicts: all, infos: [] }],
        [
          'the end of one verdict',
          { judged: judgedAs(kept, (one, path) => (path === first ? { ...one, until: kept.time } : one)) },
          { verdicts: all.slice(1), infos },
        ],
        ["another machine's ledger", { judged: judgedWith(kept, { entry: '1:2' }) }, noVerdicts],
        ["another machine's store", { judged: judgedWith(kept, { stamp: '1:2:3:4:5' }) }, noVerdicts],
        ['other contents', { judged: judgedWith(kept, { narHash: 'ab'.repeat(32) }) }, noVerdicts],
        ['keys of other names', { names: ['other-1'] }, { verdicts: all, infos: [] }],
        ['other signatures', { judged: judgedWith(kept, { signatures: '' }) }, noVerdicts],
        ['other attestations', { judged: judgedWith(kept, { files: '0:1:2' }) }, noVerdicts],
      ]
      for (const [what, other, expected] of others)
        assert.deepEqual(await after(printKept({ ...kept, ...other })), expected, what)

      // The file itself.
      for (const length of [0, 20, 86, good.length - 1])
        assert.deepEqual(await after(good.subarray(0, length)), NOTHING, `cut to ${length}`)
      for (const place of [3, 40, 120, good.length - 40]) {
        const flipped = Buffer.from(good)
        flipped[place] = (flipped[place] ?? 0) ^ 4
        assert.deepEqual(await after(flipped), NOTHING, `a bit at ${place}`)
      }
      const file = world.path(KEPT)
      const spoilt: readonly (readonly [string, () => void])[] = [
        ['of another user', () => chownSync(file, 1234, 1234)],
        ['others may write it', () => chmodSync(file, 0o620)],
        [
          'a symbolic link',
          () => {
            renameSync(file, `${file}-elsewhere`)
            symlinkSync('kept-elsewhere', file)
          },
        ],
      ]
      for (const [what, spoil] of spoilt) {
        keep(world, good)
        spoil()
        assert.deepEqual(await believed(world), NOTHING, what)
      }

      // What it is about. What was believed of a path before is no longer when that changes, and an
      // audit that may believe the rest finds what one does that may not.
      const policy = world.read(POLICY)
      const state = world.path(STATE)
      const entry = (path: string) => entryFile(state, parseStorePath(path).digest)
      const seen = (hash: string) => ({
        key: `ed25519:${Buffer.from(BUILDER.key.publicKey).toString('hex')}`,
        narHash: hash.repeat(32),
        seen: Math.floor(Date.now() / 1000),
        origin: 'a test',
      })
      const changes: readonly {
        readonly what: string
        readonly change: () => unknown
        readonly back?: () => unknown
        readonly still: Believed
      }[] = [
        {
          what: 'a revocation',
          change: () =>
            world.write(
              POLICY,
              `${policy}\n[[revocations]]\nprincipal = "builder"\ndate = 2020-01-01\nreason = "stolen"\n`,
            ),
          back: () => world.write(POLICY, policy),
          still: noVerdicts,
        },
        {
          what: "another's key",
          change: () => world.write(POLICY, policy.replaceAll(BUILDER.publicKey, STRANGER.publicKey)),
          back: () => world.write(POLICY, policy),
          // Signatures by its name were not kept.
          still: NOTHING,
        },
        {
          what: 'a respite, which is told and judges nothing',
          change: () => {
            const now = Math.floor(Date.now() / 1000)
            giveRespite(state, { since: now - 1, until: now + 3600, reason: 'a test' })
          },
          back: () => endRespite(state),
          still: { verdicts: all, infos },
        },
        {
          what: 'builders who disagree about a path',
          change: () => keepSeenClaims(state, first, [seen('ab'), seen('cd')]),
          back: () => withdrawSeenClaims(state, first),
          still: { verdicts: all.slice(1), infos },
        },
        {
          what: 'an entry that was written again',
          change: () => {
            cpSync(entry(first), `${entry(first)}-new`)
            renameSync(`${entry(first)}-new`, entry(first))
          },
          still: { verdicts: all.slice(1), infos },
        },
        {
          what: 'an entry that is gone',
          change: () => rmSync(entry(second)),
          still: { verdicts: all.slice(2), infos },
        },
        {
          what: 'an entry of other words',
          change: () => appendFileSync(entry(third), 'claim\n'),
          back: () => rmSync(entry(third)),
          still: { verdicts: all.slice(3), infos },
        },
        {
          what: 'a path that was touched',
          change: () => utimesSync(world.path(fourth), 2, 2),
          still: { verdicts: all.slice(4), infos },
        },
        {
          what: 'a path that is gone',
          change: () => rmSync(world.path(fifth)),
          still: { verdicts: all.slice(5), infos },
        },
        {
          what: 'a path that is new in the database',
          change: () => world.output(`nix-store --add ${POLICY}`),
          still: { verdicts: all.slice(5), infos: [] },
        },
      ]
      for (const { what, change, back, still } of changes) {
        await change()
        if (what !== 'an entry of other words') {
          assert.deepEqual(await after(good), still, what)
          keep(world, printKept(real))
          const warm = await auditIn(world)
          rmSync(file)
          assert.deepEqual(warm, await auditIn(world), what)
        } else {
          // Whoever cannot read the ledger says so, with what is kept as without.
          keep(world, good)
          const { stdout } = await world.run(`${AUDIT} 2>&1; true`)
          assert.match(stdout, /ledger entry/, what)
        }
        await back?.()
      }
    }))
}
