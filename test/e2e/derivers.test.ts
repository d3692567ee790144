// Anybody can add derivations. Such a derivation can neither block what others vouch for, nor make
// anything known. docs/semantics.md, G4 and S12.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, type GuardedWorld, PACKAGER, withGuardedWorld } from '../support/guarded-world.ts'
import { packaged, publish, sha256 } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

const SOURCE = 'the source\n'

/**
 * A package of a fetched source. Another URL gives another derivation with the same output.
 */
function packageFrom(url: string): string {
  return nix.derivation('pkg', { inputs: [nix.fetchurl('src.txt', url, sha256(SOURCE))] })
}

/**
 * Adds the package with other URLs as a plain user, until one of its derivations comes first in
 * every order of names.
 */
async function addVariants({ world }: GuardedWorld, drv: string): Promise<readonly string[]> {
  const variants: string[] = []
  while (variants.length < 40) {
    world.write('/srv/variant.nix', packageFrom(`file:///srv/alice-${variants.length}`))
    const add = `nix-instantiate /srv/variant.nix --add-root /home/alice/${variants.length} 2>/dev/null`
    const link = await world.output(add, { user: 'alice' })
    variants.push(await world.output(['readlink', link]))
    if (variants.some(variant => variant < drv) && variants.some(variant => variant > drv)) break
  }
  return variants
}

for (const version of VERSIONS) {
  test(`${version}: attack: a plain user's derivations of the same output do not block an attested one`, () =>
    withGuardedWorld(version, async guarded => {
      const { world, upstream } = guarded
      world.write('/srv/src.txt', SOURCE)
      const { drv, out } = await guarded.instantiate('pkg', packageFrom('file:///srv/src.txt'))
      await guarded.attest(drv)
      const binding = `nix-store -q --binding out $(nix-store -q --references ${drv} | grep src.txt.drv)`
      const source = await world.output(binding)
      const narHash = sha256(narOfBytes(Buffer.from(SOURCE), false))
      publish(world, source, packaged(PACKAGER, { path: source, narHash }))
      stock(upstream, cachedPath('pkg', 'pkg\n', [BUILDER], { path: out, deriver: drv }))

      for (const variant of await addVariants(guarded, drv)) {
        assert.equal(await world.output(['nix-store', '-q', '--outputs', variant]), out)
      }
      const { status, stderr } = await world.run(['nix-store', '--realise', out], { user: 'mallory' })
      assert.equal(status, 0, stderr)
      assert.equal(guarded.admission(out)?.derivation, drv)
    }))

  test(`${version}: attack: a derivation that nobody stands for makes nothing known, and nothing unknown`, () =>
    withGuardedWorld(version, async guarded => {
      const { world, upstream } = guarded
      const { drv, out } = await guarded.instantiate('pkg', packageFrom('file:///srv/src.txt'))
      await world.output('nix-collect-garbage')
      stock(upstream, cachedPath('pkg', 'pkg\n', [BUILDER], { path: out, deriver: drv }))
      const realise = () => world.run(['nix-store', '--realise', out], { user: 'mallory' })
      const alone = await realise()
      assert.equal(alone.status, 0, alone.stderr)
      await world.output(['nix-store', '--delete', out])
      await addVariants(guarded, drv)
      const beside = await realise()
      assert.equal(beside.status, 0, beside.stderr)

      await world.output(['nix-store', '--delete', out])
      const policy = world.read('/etc/nixsig/policy.toml')
      world.write('/etc/nixsig/policy.toml', policy.replace('accept-unknown-derivation = true\n', ''))
      const refused = await realise()
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        /undecided .*nobody stands for the derivation that makes it, \S+-pkg\.drv \(needs packager for its derivation, found no signature\)/,
      )
    }))
}
