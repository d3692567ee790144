// Builds of every shape under the hooks: many at once, odd names, large graphs, several outputs, kinds that are refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  assertBuilt,
  assertClean,
  assertQuarantined,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import { built, byDefault, policyText, publish, setPolicy, sha256, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const LONG = { timeout: 600_000 }

async function withOther(world: World, rest = '') {
  const other = signer('other')
  await setPolicy(world, policyText({ other: [other] }, byDefault('nothing', 'nothing', 'self') + rest))
  return other
}

/** The outputs of all derivations of an expression, by the name of the derivation. */
async function outputsOf(world: World, expression: string): Promise<ReadonlyMap<string, string>> {
  world.write('/srv/x.nix', expression)
  const drvs = (await world.output('nix-instantiate /srv/x.nix 2>/dev/null')).split('\n')
  const paths = (await world.output(`nix-store -q --outputs ${drvs.join(' ')}`)).split('\n')
  return new Map(paths.map(path => [path.slice(44), path]))
}

for (const version of VERSIONS) {
  test(`${version}: 64 builds at once are all admitted`, () =>
    withWorld(version, { nixConf: { 'max-jobs': '64' } }, async world => {
      await withOther(world)
      const expression = nix.all(nix.independent('many', 64))
      const outputs = await outputsOf(world, expression)
      await assertBuilt(world, '-j64', LONG)
      for (const path of outputs.values()) assert.equal(isInLedger(world, path), true, path)
      assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
      assert.equal(await world.output('ls /var/lib/nixsig/*.secret | wc -l'), '1')
      await assertClean(world)
    }))

  test(`${version}: of 24 builds at once, none of the 6 in conflict stays, and none stays unjudged`, () =>
    withWorld(version, { nixConf: { 'max-jobs': '24' } }, async world => {
      const other = await withOther(world)
      const expression = nix.all(nix.independent('some', 24))
      const outputs = await outputsOf(world, expression)
      const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null | head -1')
      const bad = [...outputs.values()].slice(0, 6)
      for (const out of bad) publish(world, out, built(other, { path: out, narHash: sha256('other') }, drv))
      // Nix gives up the whole operation when a hook fails; each run gets further.
      for (let run = 0; run < 3; run++) {
        assert.notEqual((await nixBuild(world, '--keep-going -j24', LONG)).status, 0)
      }
      await instantiate(world, nix.derivation('last'))
      await assertBuilt(world)
      for (const path of outputs.values()) {
        const valid = await isValid(world, path)
        assert.equal(isInLedger(world, path), valid, path)
        if (bad.includes(path)) assert.equal(valid, false, path)
      }
      const kept = await quarantined(world)
      assert.ok(kept.length >= 3 && kept.every(entry => bad.includes(entry.path)))
      for (const entry of kept) assert.match(entry.reason, /builders disagree: other attested/)
      await assertClean(world)
    }))

  test(`${version}: names that could be taken for something else, and names as long as can be`, () =>
    withWorld(version, {}, async world => {
      await withOther(world)
      const names = [...nix.ODD_NAMES, '0123456789+-._?=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ']
      const outputs = await outputsOf(world, nix.all(names.map(name => nix.derivation(name))))
      await assertBuilt(world)
      assert.deepEqual([...outputs.keys()], names)
      for (const path of outputs.values()) {
        assert.equal(isInLedger(world, path), true, path)
        const verified = await world.run(['/opt/nixsig/nixsig', 'verify', path])
        assert.equal(verified.status, 0, verified.stdout + verified.stderr)
      }
    }))

  test(`${version}: a derivation with 300 inputs`, () =>
    withWorld(version, {}, async world => {
      await withOther(world)
      const { out } = await instantiate(world, nix.manyInputs('many', 300))
      await assertBuilt(world, '', LONG)
      assert.equal(isInLedger(world, out), true)
    }))

  test(`${version}: one refused output of three takes the others of its build along`, () =>
    withWorld(version, {}, async world => {
      const other = await withOther(world)
      const expression = nix.derivation('three', {
        build: 'for o in $out $dev $doc; do echo "$o" > $o; done',
        attributes: { outputs: '[ "out" "dev" "doc" ]' },
      })
      const { drv, outputs } = await instantiate(world, expression)
      const dev = outputs['dev'] ?? ''
      publish(world, dev, built(other, { path: dev, narHash: sha256('other') }, drv, 'dev'))
      assert.notEqual((await nixBuild(world)).status, 0)
      await assertQuarantined(world, Object.values(outputs), { reason: /three-dev \(output\)/ })
    }))

  test(`${version}: a build that is checked by building it again stays admitted`, () =>
    withWorld(version, {}, async world => {
      await withOther(world)
      const { out } = await instantiate(world, nix.derivation('again'))
      await assertBuilt(world)
      await assertBuilt(world, '--check')
      assert.equal(isInLedger(world, out), true)
      assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
    }))

  test(`${version}: structured attributes`, () =>
    withWorld(version, {}, async world => {
      await withOther(world)
      const build = `out=$(sed 's/.*"outputs":{"out":"\\([^"]*\\)".*/\\1/' .attrs.json); echo x > "$out"`
      const attributes = { __structuredAttrs: 'true', list: '[ 1 "two" { three = null; } ]' }
      const { out } = await instantiate(world, nix.derivation('structured', { build, attributes }))
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
    }))

  test(`${version}: content-addressed and impure derivations are refused, with words for it`, () =>
    withWorld(
      version,
      { nixConf: { 'experimental-features': 'nix-command flakes ca-derivations impure-derivations' } },
      async world => {
        await withOther(world)
        const addressed = {
          __contentAddressed: 'true',
          outputHashMode: '"recursive"',
          outputHashAlgo: '"sha256"',
        }
        for (const [name, attributes, words] of [
          ['floating', addressed, /a content-addressed derivation/],
          ['impure', { __impure: 'true' }, /an impure derivation/],
        ] as const) {
          world.write('/srv/x.nix', nix.derivation(name, { attributes }))
          const { status, stderr } = await world.run('nix-build --no-out-link /srv/x.nix')
          assert.notEqual(status, 0, name)
          assert.match(stderr, words)
          assert.equal(await world.output(`ls /nix/store | grep -c -- '-${name}$' || true`), '0')
        }
      },
    ))

  test(`${version}: content-addressed outputs that were built without the first hook leave the store`, () =>
    withWorld(
      version,
      { nixConf: { 'experimental-features': 'nix-command flakes ca-derivations', 'pre-build-hook': '' } },
      async world => {
        await withOther(world)
        const attributes = {
          __contentAddressed: 'true',
          outputHashMode: '"recursive"',
          outputHashAlgo: '"sha256"',
        }
        world.write('/srv/x.nix', nix.derivation('floating', { attributes }))
        assert.notEqual((await world.run('nix-build --no-out-link /srv/x.nix')).status, 0)
        assert.equal(await world.output("ls /nix/store | grep -c -- '-floating$' || true"), '0')
      },
    ))
}
