// What this machine built counts as its work only while what it was built from is the same:
// docs/semantics.md, H4.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { CACHE, REST, withOldMachine } from '../support/old-machine.ts'
import { instantiate } from '../support/scene.ts'
import { policyText, setPolicy } from '../support/trust.ts'
import { OLDEST } from '../support/world.ts'

const GONE = '[[revocations]]\nprincipal = "cache"\ndate = "2026-01-01"\nreason = "stolen"\n'

for (const version of OLDEST) {
  test(`${version}: attack: a tool whose key was revoked is replaced behind what was built with it`, () =>
    withOldMachine(version, async ({ world, verify }) => {
      await setPolicy(world, policyText({ cache: [CACHE] }, REST, 'enforce'))
      const tool = nix.derivation('tool', { build: 'echo good > $out' })
      // Its bytes do not change with the tool's.
      const wrapper = nix.derivation('wrapper', { build: 'echo exec $inputs > $out', inputs: [tool] })
      const made = await instantiate(world, tool)
      const bytes = [cachedPath('tool', 'evil\n', [CACHE], { path: made.out })]
      writeCache(`${world.path('/srv')}/cache`, bytes)
      await world.output(`nix copy --no-check-sigs --from file:///srv/cache ${made.out}`)
      const build = 'read exec tool < $inputs; read x < $tool; echo by $x > $out'
      const own = await instantiate(world, nix.derivation('own', { build, inputs: [wrapper] }))
      await world.output(`nix-store --realise --add-root /root/own ${own.drv}`)
      assert.equal(world.read(own.out), 'by evil\n')
      assert.equal((await verify(own.out)).status, 0)

      await setPolicy(world, policyText({ cache: [CACHE] }, `${GONE}${REST}`, 'enforce'))
      assert.notEqual((await verify(own.out)).status, 0)
      const paths = await instantiate(world, wrapper)
      await world.output(`nix-store --delete ${paths.out} ${made.out}
        nix-store --realise ${paths.drv}`)
      assert.equal(world.read(made.out), 'good\n')
      assert.equal((await verify(paths.out)).status, 0)
      const verdict = await verify(own.out)
      assert.equal(verdict.status, 10, verdict.stdout)

      await world.output(`rm /root/own; nix-store --delete ${own.out}; nix-store --realise ${own.drv}`)
      assert.equal(world.read(own.out), 'by good\n')
      assert.equal((await verify(own.out)).status, 0)
    }))
}
