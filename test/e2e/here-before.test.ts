// A path that was in the store before a build is not that build's output, and nobody can have it
// removed by building again. docs/semantics.md, S10 and H2.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import * as nix from '../support/expressions.ts'
import { instantiate, isInLedger, isValid, nixBuild, quarantined } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { OLDEST, VERSIONS, type World, withWorld } from '../support/world.ts'

const WITHOUT_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
const TWO_OUTPUTS = nix.derivation('two', {
  build: 'echo dev > $dev; echo out > $out',
  attributes: { outputs: '[ "out" "dev" ]' },
})

/** Nobody signs sources and derivations; outputs need this. */
function trust(world: World, output: string): Promise<void> {
  return setPolicy(world, policyText({ alice: [signer('alice')] }, byDefault('nothing', 'nothing', output)))
}

for (const version of VERSIONS) {
  test(`${version}: attack: what was built without hooks is no work of this machine once a sibling is built again`, () =>
    withWorld(version, {}, async world => {
      await trust(world, 'self')
      const { drv } = await instantiate(world, TWO_OUTPUTS)
      const outputs = (await world.output(`nix-store --realise ${WITHOUT_HOOKS} ${drv}`)).split('\n')
      const [dev = '', out = ''] = [...outputs].sort(
        (a, b) => Number(a.endsWith('two')) - Number(b.endsWith('two')),
      )
      // The store tells the two builds apart by seconds.
      await new Promise(resolve => setTimeout(resolve, 7000))
      await world.output(['nix-store', '--delete', dev])
      const again = await world.run(['nix-store', '--realise', `${drv}!dev`])
      assert.notEqual(again.status, 0)
      assert.match(
        again.stderr,
        /-two \(output\) under rule "default".*\n.*needs to be built by this machine/,
      )
      assert.equal(await isValid(world, out), true)
      const verdict = await world.run(['/opt/nixsig/nixsig', 'verify', out])
      assert.equal(verdict.status, 10, verdict.stdout)
    }))

  test(`${version}: attack: whoever has a path built again to compare does not have it taken away`, () =>
    withWorld(version, {}, async world => {
      await trust(world, 'alice')
      const { drv, out } = await instantiate(world, nix.derivation('held'))
      await world.output(`nix-store --realise ${WITHOUT_HOOKS} ${drv}`)
      // A root of the garbage collector alone holds it: nothing in the store refers to it.
      await world.output(['ln', '-sfn', out, '/nix/var/nix/gcroots/held'])
      await new Promise(resolve => setTimeout(resolve, 1000))
      const { status, stderr } = await nixBuild(world, '--check')
      assert.notEqual(status, 0)
      assert.match(stderr, /-held \(output\) under rule "default"/)
      assert.equal(await isValid(world, out), true)
      assert.deepEqual(await quarantined(world), [])
    }))
}

for (const version of OLDEST) {
  test(`${version}: attack: what was here passes for compared once others have judged what was built with it`, () =>
    withWorld(version, {}, async world => {
      await trust(world, 'self')
      const { drv, outputs } = await instantiate(world, TWO_OUTPUTS)
      const [out = '', dev = ''] = ['out', 'dev'].map(name => outputs[name])
      await world.output(`nix-store --realise ${WITHOUT_HOOKS} ${drv}; nix-store --delete ${dev}`)
      // As if whoever builds had hung up, so that the hook was killed with the build.
      await world.output(`nix-store --realise --option post-build-hook '' '${drv}!dev'`)
      const isExpected = () => world.exists(`/var/lib/nixsig/expected/${parseStorePath(dev).digest}`)
      assert.equal(isExpected(), true)

      world.write(
        '/srv/uses.nix',
        nix.withInputs('uses', [`(builtins.toFile "text" (builtins.storePath ${dev}))`]),
      )
      world.write('/srv/later.nix', nix.derivation('later'))
      // Under the lock of a build that goes on, it is judged only as something that is referred to.
      await world.output(`flock ${dev}.lock nix-build --no-out-link /srv/uses.nix`)
      assert.deepEqual([isInLedger(world, dev), isExpected()], [true, true])
      await world.output('nix-build --no-out-link /srv/later.nix')
      assert.equal(isExpected(), false)
      await assertNotOurs(world, out)

      // Its own hook comes too late.
      const { status } = await world.run(['/opt/nixsig/post-build-hook'], { env: { DRV_PATH: drv } })
      assert.notEqual(status, 0)
      await assertNotOurs(world, out)
      assert.equal((await world.run(`nix-store --realise --check ${drv}`)).status, 0)
      assert.equal(isInLedger(world, out), true)
    }))
}

async function assertNotOurs(world: World, path: string): Promise<void> {
  const verdict = await world.run(['/opt/nixsig/nixsig', 'verify', path])
  assert.equal(verdict.status, 10, verdict.stdout)
  assert.equal(isInLedger(world, path), false)
  assert.equal(world.exists(attestationFile('/var/lib/nixsig/attestations', path)), false)
}
