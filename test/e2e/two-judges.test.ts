// Several processes judge one output at once: they reach the same verdict, and the output is
// quarantined once, with the right reason.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import {
  assertBuilt,
  assertClean,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import { conflict, withAlice } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
const CONFLICT = /builders disagree: alice attested other contents/
const ROUNDS = 8

/** Builds this while no hook judges it. */
async function leave(world: World, expression: string) {
  const made = await instantiate(world, expression)
  assert.notEqual((await nixBuild(world, '--option post-build-hook /bin/false')).status, 0)
  assert.equal(await isValid(world, made.out), true)
  return made
}

/** A directory of files, so that copying it and taking it out take a while. */
const tree = (name: string) =>
  nix.derivation(name, {
    build: `mkdir $out; i=0; while [ $i -lt 60 ]; do echo ${name} > $out/$i; i=$((i+1)); done`,
  })

/**
 * Its own hook, twice, the hook of something else, and root's own word, each a little later than
 * the one before.
 */
function judges(drv: string, other: string, apart: number): readonly string[] {
  const after = (steps: number, command: string) => `sleep ${((steps * apart) / 1000).toFixed(3)}; ${command}`
  return [
    after(0, `DRV_PATH=${drv} /opt/nixsig/post-build-hook`),
    after(1, `DRV_PATH=${drv} /opt/nixsig/post-build-hook`),
    after(2, `/opt/nixsig/pre-build-hook ${other}`),
    after(3, '/opt/nixsig/nixsig verify'),
  ]
}

/** Nothing is expected but what its hook was called for by hand, and nothing is half taken out. */
async function assertNothingPending(world: World, others: readonly string[]): Promise<void> {
  const left = await world.output(`ls ${STATE}/expected ${STATE}/quarantine/unfinished 2>/dev/null || true`)
  const names = left.split('\n').filter(line => /^[0-9a-z]{32}$|Z-/.test(line))
  assert.deepEqual(
    names.filter(name => !others.some(path => path.includes(name))),
    [],
  )
}

for (const version of VERSIONS) {
  test(`${version}: race: four processes judge one refused output at once, and it is refused once`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      const alice = await withAlice(world)
      await world.startDaemon()
      const other = await instantiate(world, nix.derivation('other'))
      for (let round = 0; round < ROUNDS; round++) {
        const expression = round % 2 === 0 ? tree(`t${round}`) : nix.derivation(`f${round}`)
        const { drv, out } = await leave(world, expression)
        conflict(world, alice, out)
        const apart = [0, 10, 30, 60][round >> 1] ?? 0
        const ended = await Promise.all(judges(drv, other.drv, apart).map(line => world.run(line)))
        for (const { status, stderr } of ended.slice(0, 2)) {
          assert.notEqual(status, 0)
          assert.match(stderr, /builders disagree|what it made is not in the store any longer/)
        }
        const entries = (await quarantined(world)).filter(({ path }) => path === out)
        const where = `${apart} ms apart: ${ended.map(({ stderr }) => stderr).join('')}`
        assert.equal(entries.length, 1, where)
        assert.match(entries[0]?.reason ?? '', CONFLICT, where)
        const digest = out.slice('/nix/store/'.length, '/nix/store/'.length + 32)
        await world.output(`ls -d ${STATE}/quarantine/*Z-${digest}*/content`)
        assert.equal(await isValid(world, out), false, where)
        assert.equal(world.exists(out), false, where)
        assert.equal(isInLedger(world, out), false, where)
        await assertNothingPending(world, [other.out])
      }
      assert.equal(await world.output('ls -A /nix/store | grep nixsig || true'), '')
      await assertClean(world)
    }))

  test(`${version}: race: four processes judge one trusted output at once, and it stays as it was made`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withAlice(world)
      await world.startDaemon()
      const other = await instantiate(world, nix.derivation('other'))
      for (let round = 0; round < ROUNDS; round++) {
        const expression = round % 2 === 0 ? tree(`t${round}`) : nix.derivation(`f${round}`)
        const { drv, out } = await leave(world, expression)
        const apart = [0, 10, 30, 60][round >> 1] ?? 0
        const ended = await Promise.all(judges(drv, other.drv, apart).map(line => world.run(line)))
        for (const { status, stderr } of ended) assert.equal(status, 0, stderr)
        assert.equal(isInLedger(world, out), true)
        assert.equal(await world.output(`find ${out} -newermt '@2' | head -n 1`), '')
        await assertNothingPending(world, [other.out])
      }
      assert.deepEqual(await quarantined(world), [])
      assert.equal(await world.output('ls -A /nix/store | grep nixsig || true'), '')
      await assertClean(world)
    }))

  test(`${version}: what its own hook is about to judge is left to it, unless a build needs it now`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      const hook = await world.output("sed -n 's/^post-build-hook = //p' /etc/nix/nix.conf")
      const own = '/opt/wrapped/post-build-hook'
      world.write(
        own,
        `#!/bin/sh\ncase $DRV_PATH in *-slow.drv) touch /srv/waits; while [ ! -e /srv/go ]; do sleep 0.05; done ;; esac\nexec ${hook}\n`,
        0o755,
      )
      await world.output(`sed -i "s,^post-build-hook.*,post-build-hook = ${own}," /etc/nix/nix.conf`)
      await world.startDaemon()
      const slow = nix.derivation('slow')
      const { out } = await instantiate(world, slow)
      world.write('/srv/slow.nix', slow)
      const building = world.run('nix-build --no-out-link /srv/slow.nix', { user: 'alice' })
      await eventually('the build waits', () => world.exists('/srv/waits'))
      await instantiate(world, nix.derivation('other'))
      await assertBuilt(world)
      assert.equal(await isValid(world, out), true)
      assert.equal(isInLedger(world, out), false)
      await instantiate(world, nix.withInputs('top', [slow]))
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
      world.write('/srv/go', '')
      const { status, stderr } = await building
      assert.equal(status, 0, stderr)
      assert.equal(await world.output(`ls ${STATE}/expected`), '')
    }))
}
