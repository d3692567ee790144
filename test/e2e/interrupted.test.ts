// Hooks that are killed, at any point: what they leave open, and that the next hook, or `nixsig verify`, closes it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
import { built, byDefault, policyText, publish, setPolicy, sha256, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const REAL = '/opt/nixsig/post-build-hook'

/** Has Nix call a script in place of a hook. */
async function replaceHook(world: World, hook: 'pre-build-hook' | 'post-build-hook', script: string) {
  world.write(`/opt/killer/${hook}`, `#!/bin/sh\n${script}\n`, 0o755)
  await world.output(`sed -i "s,^${hook}.*,${hook} = /opt/killer/${hook}," /etc/nix/nix.conf`)
}

async function restoreHook(world: World, hook: 'pre-build-hook' | 'post-build-hook') {
  await world.output(`sed -i "s,^${hook}.*,${hook} = /opt/nixsig/${hook}," /etc/nix/nix.conf`)
}

/** A policy under which every build is trusted but the ones that `other` attested other contents of. */
async function withOther(world: World) {
  const other = signer('other')
  await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self')))
  return other
}

/** Asserts that nothing is left half done anywhere. */
async function assertNothingLeft(world: World): Promise<void> {
  assert.equal(await world.output('ls /var/lib/nixsig/quarantine/unfinished 2>/dev/null || true'), '')
  assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
  await assertClean(world)
}

for (const version of VERSIONS) {
  test(`${version}: a post-build hook killed at many moments: an untrusted output is found and quarantined`, () =>
    withWorld(version, {}, async world => {
      const other = await withOther(world)
      let interrupted = 0
      for (const seconds of [0.001, 0.03, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.24, 0.3]) {
        const name = `bad${String(seconds).replace('.', 'x')}`
        await replaceHook(world, 'post-build-hook', `exec timeout -s KILL ${seconds} ${REAL}`)
        const bad = await instantiate(world, nix.derivation(name))
        publish(world, bad.out, built(other, { path: bad.out, narHash: sha256('other') }, bad.drv))
        assert.notEqual((await nixBuild(world)).status, 0, name)
        if ((await quarantined(world)).every(entry => entry.path !== bad.out)) interrupted++

        await restoreHook(world, 'post-build-hook')
        await instantiate(world, nix.derivation(`good${name}`))
        await assertBuilt(world)
        assert.equal(await isValid(world, bad.out), false, name)
        assert.equal(world.exists(bad.out), false, name)
        assert.equal(isInLedger(world, bad.out), false, name)
        const kept = (await quarantined(world)).filter(entry => entry.path === bad.out)
        assert.ok(kept.length > 0, name)
        await assertNothingLeft(world)
      }
      assert.ok(interrupted > 2, `only ${interrupted} kills came before the quarantine was done`)
    }))

  test(`${version}: a post-build hook killed at many moments: a trusted output is found and admitted`, () =>
    withWorld(version, {}, async world => {
      await withOther(world)
      let interrupted = 0
      for (const seconds of [0.001, 0.05, 0.08, 0.11, 0.14, 0.17]) {
        const name = `fine${String(seconds).replace('.', 'x')}`
        await replaceHook(world, 'post-build-hook', `exec timeout -s KILL ${seconds} ${REAL}`)
        const fine = await instantiate(world, nix.derivation(name))
        await nixBuild(world)
        if (!isInLedger(world, fine.out)) interrupted++

        await restoreHook(world, 'post-build-hook')
        await instantiate(world, nix.derivation(`next${name}`))
        await assertBuilt(world)
        assert.equal(isInLedger(world, fine.out), true, name)
        const digest = fine.out.slice(11, 43)
        const own = `/var/lib/nixsig/attestations/${digest.slice(0, 2)}/${digest}.intoto.jsonl`
        assert.equal(world.read(own).split('\n').length, 2, 'attested once')
        await assertNothingLeft(world)
      }
      assert.ok(interrupted > 0, 'no kill came before the admission')
    }))

  test(`${version}: nothing is built from an output that a killed hook left unjudged and that is untrusted`, () =>
    withWorld(version, {}, async world => {
      const other = await withOther(world)
      await replaceHook(world, 'post-build-hook', 'kill -KILL $$')
      const bottom = nix.derivation('bottom')
      const bad = await instantiate(world, bottom)
      publish(world, bad.out, built(other, { path: bad.out, narHash: sha256('other') }, bad.drv))
      assert.notEqual((await nixBuild(world)).status, 0)
      assert.equal(await isValid(world, bad.out), true, 'Nix registers before it asks')

      await restoreHook(world, 'post-build-hook')
      const top = await instantiate(world, nix.withInputs('top', [bottom]))
      const refused = await nixBuild(world)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /bottom/)
      assert.equal(await isValid(world, top.out), false)
      assert.equal(await isValid(world, bad.out), false)
      await assertClean(world)
    }))

  test(`${version}: nixsig verify finds what a killed hook left, without any build`, () =>
    withWorld(version, {}, async world => {
      const other = await withOther(world)
      await replaceHook(world, 'post-build-hook', 'kill -KILL $$')
      const bad = await instantiate(world, nix.derivation('bad'))
      publish(world, bad.out, built(other, { path: bad.out, narHash: sha256('other') }, bad.drv))
      await nixBuild(world)
      assert.equal(await isValid(world, bad.out), true)
      const verified = await world.run(['/opt/nixsig/nixsig', 'verify'])
      assert.equal(verified.status, 13, verified.stderr)
      assert.match(verified.stderr, /finished: refused .*-bad/)
      assert.equal(await isValid(world, bad.out), false)
      await assertNothingLeft(world)
      assert.equal((await world.run(['/opt/nixsig/nixsig', 'verify'])).status, 0)
    }))

  for (const [what, script] of [
    ['is killed', 'kill -KILL $$'],
    ['fails without a word', 'exit 1'],
    ['finds no node', 'PATH=/nowhere exec /usr/bin/env node /opt/nixsig/pre-build-hook "$@"'],
  ] as const) {
    test(`${version}: a pre-build hook that ${what} keeps Nix from building`, () =>
      withWorld(version, {}, async world => {
        await withOther(world)
        await replaceHook(world, 'pre-build-hook', script)
        const { out } = await instantiate(world, nix.derivation('a'))
        const refused = await nixBuild(world)
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, /pre-build-hook["'] (failed|was killed)/)
        assert.equal(await isValid(world, out), false)
      }))
  }

  test(`${version}: a hook that is missing keeps Nix from building, or its output is judged by the next`, () =>
    withWorld(version, {}, async world => {
      await withOther(world)
      await world.output('mv /opt/nixsig/pre-build-hook /srv/')
      const { out } = await instantiate(world, nix.derivation('a'))
      assert.notEqual((await nixBuild(world)).status, 0)
      assert.equal(await isValid(world, out), false)
      await world.output('mv /srv/pre-build-hook /opt/nixsig/ && mv /opt/nixsig/post-build-hook /srv/')
      assert.notEqual((await nixBuild(world)).status, 0)
      assert.equal(isInLedger(world, out), false)
      await world.output('mv /srv/post-build-hook /opt/nixsig/')
      await instantiate(world, nix.derivation('b'))
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
      await assertNothingLeft(world)
    }))
}
