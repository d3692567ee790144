// Refused paths leave the store all at once, without delaying anybody, and even if they cannot be
// kept in quarantine.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { usePreBuildHook, withLateVictims } from '../support/late-refusal.ts'
import {
  assertBuilt,
  assertClean,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import { EVERY_VERSION, VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
const WRAPPERS = '/run/wrappers/bin'
const MANY = 751

/** A derivation of many outputs that is refused when they are there. */
function manyOutputs(name: string, count: number): string {
  return `derivation { name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh";
    outputs = [ "out" ] ++ builtins.genList (i: "o" + toString i) ${count - 1};
    args = [ "-c" ${nix.nixString('for o in $outputs; do eval p=\\$$o; echo $o > $p; done')} ]; }`
}

/** Has nixsig's programs counted when they run: a line in /srv/ran for each. */
async function countPrograms(world: World, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const real = await world.output(['which', name])
    world.write(`${WRAPPERS}/${name}`, `#!/bin/sh\necho ${name} >>/srv/ran\nexec ${real} "$@"\n`, 0o755)
  }
}

/** The hook of a world that has the state directory on a small file system of its own. */
async function withSmallState(world: World): Promise<void> {
  await world.output(
    `mkdir -p ${STATE} && mount -t tmpfs -o size=2m,mode=755 none ${STATE} && mkdir -m 700 ${STATE}/quarantine`,
  )
}

for (const version of EVERY_VERSION) {
  test(`${version}: Nix forgets a refused output, what refers to it, and no other path that is missing`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withLateVictims(world)
      // As Nix finds a path that somebody makes while it compares its database with the disk.
      world.write('/srv/file', 'contents')
      const missing = await world.output('nix-store --add /srv/file')
      await world.output(`mv ${missing} /srv/moved`)
      const { out } = await instantiate(world, nix.derivation('victim'))
      assert.notEqual((await nixBuild(world)).status, 0)
      assert.equal((await quarantined(world)).length, 1)
      assert.equal(await isValid(world, out), false)
      assert.equal(await isValid(world, missing), true)
      await world.output(`mv /srv/moved ${missing}`)
      await assertClean(world)
    }))
}

for (const version of VERSIONS) {
  test(`${version}: ${MANY} refused outputs leave the store in one go`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withLateVictims(world)
      await countPrograms(world, ['nix-store', 'cp', 'sync', 'rm', 'mv'])
      const { outputs } = await instantiate(world, manyOutputs('victim', MANY))
      assert.notEqual((await nixBuild(world)).status, 0)
      const entries = await quarantined(world)
      assert.equal(entries.length, MANY)
      assert.deepEqual(entries.map(({ path }) => path).sort(), Object.values(outputs).sort())
      assert.match(entries[0]?.reason ?? '', /needs bob for its output, found no signature/)
      const ran = world.read('/srv/ran').trim().split('\n')
      const counts = Object.fromEntries(
        ['nix-store', 'cp', 'sync', 'rm', 'mv'].map(name => [name, ran.filter(one => one === name).length]),
      )
      assert.equal(counts['nix-store'], 1)
      assert.ok(ran.length <= 20, JSON.stringify(counts))
      assert.equal(
        await world.output(`ls ${STATE}/expected ${STATE}/quarantine/unfinished | grep -v : || true`),
        '',
      )
      assert.equal(
        await world.output(
          `ls -A /nix/store | grep -e victim -e nixsig | grep -v -e [.]lock$ -e [.]drv$ || true`,
        ),
        '',
      )
      await assertClean(world)
    }))

  for (const [how, spoil, mend] of [
    ['is full', `dd if=/dev/zero of=${STATE}/fill bs=4k`, `rm ${STATE}/fill`],
    ['is read-only', `mount -o remount,ro ${STATE}`, `mount -o remount,rw ${STATE}`],
  ] as const) {
    test(`${version}: a refused output is deleted where the state directory ${how}`, () =>
      withWorld(version, { resident: 'none' }, async world => {
        await withSmallState(world)
        await withLateVictims(world)
        const log = '/srv/hook.log'
        world.write(
          '/opt/wrapped/post-build-hook',
          `#!/bin/sh\n${spoil} 2>/dev/null\nexec /opt/nixsig/post-build-hook 2>>${log}\n`,
          0o755,
        )
        await world.output(
          'sed -i "s,^post-build-hook.*,post-build-hook = /opt/wrapped/post-build-hook," /etc/nix/nix.conf',
        )
        const { out } = await instantiate(world, nix.derivation('victim'))
        assert.notEqual((await nixBuild(world)).status, 0)
        assert.equal(await isValid(world, out), false)
        assert.equal(world.exists(out), false)
        const said = world.read(log)
        assert.match(said, /refused \/nix\/store\/\S+-victim/)
        assert.match(
          said,
          new RegExp(
            `deleted, because it could not be kept in quarantine: ${out}: .*(ENOSPC|EROFS|No space|Read-only)`,
          ),
        )
        assert.equal(await world.output('ls -A /nix/store | grep nixsig || true'), '')
        await world.output(mend)
        await assertClean(world)
      }))
  }

  test(`${version}: an output whose derivation was deleted before it was judged leaves the store`, () =>
    withWorld(version, { resident: 'none', nixConf: { 'keep-derivations': 'false' } }, async world => {
      await withLateVictims(world)
      await world.startDaemon()
      const outs: string[] = []
      for (const name of ['victim', 'friend']) {
        const { out, drv } = await instantiate(world, nix.derivation(name))
        outs.push(out)
        const unjudged = `nix-store --option post-build-hook /bin/false -r ${drv}`
        assert.notEqual((await world.run(unjudged)).status, 0)
        await world.output(['nix-store', '--delete', drv], { user: 'alice' })
        assert.equal(await isValid(world, out), true)
        await instantiate(world, nix.derivation(`else-${name}`))
        await assertBuilt(world)
        assert.equal(await isValid(world, out), false)
        assert.equal(world.exists(out), false)
        assert.equal(isInLedger(world, out), false)
      }
      const entries = await quarantined(world)
      assert.deepEqual(entries.map(({ path }) => path).sort(), [...outs].sort())
      const reason = /built here and not judged, and its derivation \S+\.drv is not in the store any longer/
      for (const entry of entries) assert.match(entry.reason, reason)
      assert.equal(await world.output(`ls ${STATE}/expected`), '')
      // It may be built again, and is judged then.
      await usePreBuildHook(world, '/opt/nixsig/pre-build-hook')
      await instantiate(world, nix.derivation('friend'))
      await assertBuilt(world)
      assert.equal(isInLedger(world, outs[1] ?? ''), true)
    }))
}
