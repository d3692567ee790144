// Unusual stores and callers: a store mounted read-only, and a Nix that cannot show why a build was
// refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  assertBuilt,
  assertQuarantined,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
} from '../support/scene.ts'
import { built, byDefault, POLICY, publish, sha256, withAlice } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

/**
 * As NixOS has it: what lies in the store can be seen by all and written by nobody, unless they
 * mount it otherwise.
 */
async function mountReadOnly(world: World): Promise<void> {
  await world.output('mount -o bind /nix/store /nix/store && mount -o remount,ro,bind /nix/store')
  assert.notEqual((await world.run('touch /nix/store/x')).status, 0)
}

for (const version of VERSIONS) {
  for (const user of ['root', 'alice'] as const) {
    const through = user === 'root' ? 'without a daemon' : 'through the daemon'
    test(`${version}: on a store mounted read-only what is refused leaves it, ${through}`, () =>
      withWorld(version, {}, async world => {
        const alice = await withAlice(world)
        const { drv, out } = await instantiate(
          world,
          nix.derivation('tree', { build: 'mkdir -p $out/a/b; echo x > $out/a/b/c; ln -s a $out/link' }),
        )
        const other = await instantiate(world, nix.derivation('plain'))
        publish(world, out, built(alice, { path: out, narHash: sha256('other contents') }, drv))
        await mountReadOnly(world)
        if (user !== 'root') await world.startDaemon()
        await assertBuilt(world, '', { user })
        assert.equal(isInLedger(world, other.out), true)

        for (const times of [1, 2]) {
          assert.notEqual((await world.run(`nix-store --realise ${drv}`, { user })).status, 0)
          await assertQuarantined(world, [out], { reason: /builders disagree: alice/, times })
        }
        assert.equal(await world.output('cat /var/lib/nixsig/quarantine/*/content/link/b/c'), 'x\nx')
        assert.notEqual((await world.run('touch /nix/store/x')).status, 0)

        // What was wrong put right, the output comes back from where it is kept.
        await world.output(`rm -r /etc/nixsig/attestations/*; /opt/nixsig/nixsig conflicts withdraw ${out}`)
        const kept = await world.output('ls /var/lib/nixsig/quarantine | grep Z- | head -n 1')
        await world.output(`/opt/nixsig/nixsig quarantine release ${kept}`)
        assert.equal(await isValid(world, out), true)
        assert.equal(isInLedger(world, out), true)
      }))
  }

  test(`${version}: a caller that is not known to show a line is refused by the exit status`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world, byDefault('nothing', 'alice', 'self'))
      world.write('/opt/wrapped', '#!/bin/sh\n/opt/nixsig/pre-build-hook "$@"\nexit $?\n', 0o755)
      const { out } = await instantiate(world, nix.derivation('plain'))
      for (const time of ['first', 'second']) {
        const { status, stderr } = await nixBuild(world, '--option pre-build-hook /opt/wrapped')
        assert.notEqual(status, 0, time)
        assert.match(stderr, /nixsig: refused \S*plain\.drv \(derivation\).*needs alice for its derivation/)
        assert.match(stderr, /error: program ['"]\/opt\/wrapped['"] failed with exit code 1/)
        assert.doesNotMatch(stderr, /unknown pre-build hook command/)
        assert.equal(await isValid(world, out), false, time)
      }
    }))

  test(`${version}: a policy that does without the line refuses by the exit status`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world, byDefault('nothing', 'alice', 'self'))
      world.write(POLICY, `${world.read(POLICY)}[nix]\nrefusal-line = false\n`)
      const { out } = await instantiate(world, nix.derivation('plain'))
      const { status, stderr } = await nixBuild(world)
      assert.notEqual(status, 0)
      assert.match(stderr, /nixsig: refused \S*plain\.drv.*needs alice for its derivation/)
      assert.match(stderr, /pre-build-hook['"] failed with exit code 1/)
      assert.equal(await isValid(world, out), false)
    }))

  test(`${version}: attack: a variable of the environment changes nothing about a hook`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world, byDefault('nothing', 'alice', 'self'))
      world.write('/srv/evil.js', 'process.exit(0)')
      world.write('/srv/bin/node', '#!/bin/sh\nexit 0\n', 0o755)
      const { out } = await instantiate(world, nix.derivation('plain'))
      const env = {
        PATH: '/srv/bin:/usr/local/bin:/usr/bin:/bin',
        NODE_OPTIONS: '--require /srv/evil.js',
        NODE_PATH: '/srv',
        HOME: '/srv',
        XDG_CONFIG_HOME: '/srv',
        NIX_REMOTE: '',
        LD_LIBRARY_PATH: '/srv',
      }
      const { status, stderr } = await nixBuild(world, '', { env })
      assert.notEqual(status, 0)
      assert.match(stderr, /needs alice for its derivation/)
      assert.equal(await isValid(world, out), false)
    }))

  test(`${version}: attack: the name of another derivation in the environment hides no output for good`, () =>
    withWorld(version, {}, async world => {
      const rule = '[[rules]]\nmatch = { name = "victim", kind = "output" }\nrequire.output = "alice"\n'
      const alice = await withAlice(world, `${rule}${byDefault('nothing', 'nothing', 'self')}`)
      const innocent = await instantiate(world, nix.derivation('innocent'))
      await assertBuilt(world)
      const { drv, out } = await instantiate(world, nix.derivation('victim'))
      publish(world, out, built(alice, { path: out, narHash: sha256('other') }, drv))
      await nixBuild(world, '', { env: { DRV_PATH: innocent.drv } })
      assert.equal(isInLedger(world, out), false)
      await instantiate(world, nix.derivation('else'))
      await assertBuilt(world)
      await assertQuarantined(world, [out], { reason: /builders disagree: alice/ })
    }))
}
