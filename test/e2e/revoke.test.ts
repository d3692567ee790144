// A revoked key: what rested on it alone is told, refused as an input from then on, and taken out of
// the store on request; what others signed as well stands.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { assertBuilt, instantiate, isValid, nixBuild, quarantined } from '../support/scene.ts'
import { assertSchema } from '../support/schema.ts'
import { nixsig } from '../support/setup-world.ts'
import {
  byDefault,
  POLICY,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { JUDGED_WITH_NIX, type World, withWorld } from '../support/world.ts'

const sourceOf = (name: string) => nix.fetchurl(`${name}.tar`, `file:///srv/${name}.tar`, sha256(`${name}\n`))
const userOf = (name: string) => nix.withInputs(`use${name}`, [sourceOf(name)])

/**
 * Two sources with a package each, all built here: `lone`, which alice signed, and `both`, which bob
 * signed as well. The package of `lone` has a link that keeps it.
 */
async function withTwo(world: World) {
  const people = { alice: signer('alice'), bob: signer('bob') }
  const group = '[groups.packagers]\nmembers = ["alice", "bob"]\nthreshold = 1\n'
  await setPolicy(
    world,
    policyText(
      { alice: [people.alice], bob: [people.bob] },
      `${group}${byDefault('packagers', 'nothing', 'self')}`,
    ),
  )
  const paths: Record<string, string> = {}
  for (const [name, by] of [
    ['lone', [people.alice]],
    ['both', [people.alice, people.bob]],
  ] as const) {
    world.write(`/srv/${name}.tar`, `${name}\n`)
    const { out } = await instantiate(world, sourceOf(name))
    const narHash = (await world.output(`nix-store --dump /srv/${name}.tar | sha256sum`)).slice(0, 64)
    for (const who of by) publish(world, out, packaged(who, { path: out, narHash }))
    await assertBuilt(world)
    const used = await instantiate(world, userOf(name))
    await assertBuilt(world)
    paths[name] = out
    paths[`use${name}`] = used.out
  }
  return paths as { lone: string; both: string; uselone: string; useboth: string }
}

for (const version of JUDGED_WITH_NIX) {
  test(`${version}: what alice alone signed falls with what was made of it, is refused, and leaves the store`, () =>
    withWorld(version, {}, async world => {
      const { lone, both, uselone, useboth } = await withTwo(world)
      await world.output(`nix-store --realise ${uselone} --add-root /srv/result --indirect`)
      const before = world.read(POLICY)

      const shown = JSON.parse(await nixsig(world, 'revoke alice --reason "laptop stolen" --dry-run --json'))
      assertSchema('revoke', JSON.stringify(shown))
      assert.deepEqual(
        shown.comparison.falls.map(({ path }: { path: string }) => path),
        [lone, uselone].sort(),
      )
      assert.equal(shown.rested, 2)
      const [fallen] = shown.comparison.falls.filter(({ path }: { path: string }) => path === lone)
      assert.deepEqual([fallen.needed_by, fallen.referrers], ['profile', [uselone]])
      assert.match(fallen.message, /the key of alice is revoked since .* \(laptop stolen\)/)
      assert.equal(world.read(POLICY), before)

      // In use: it stays, and is refused.
      const said = await nixsig(world, 'revoke alice --reason "laptop stolen" --quarantine --yes', 20)
      assert.match(said, /falls \S+-lone\.tar \(fetched source\)/)
      assert.match(
        said,
        /stays in the store, for a profile, one of its generations, a link or a process needs it/,
      )
      assert.doesNotMatch(said, /both\.tar/)
      assert.equal(
        world.read(POLICY).replace(/^date = .*Z$/m, 'date = NOW'),
        `${before.trimEnd()}\n\n[[revocations]]\nprincipal = "alice"\ndate = NOW\nreason = "laptop stolen"\n`,
      )
      assert.equal(await isValid(world, lone), true)
      await instantiate(world, nix.withInputs('again', [sourceOf('lone')]))
      const refused = await nixBuild(world)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /lone\.tar \(fetched source\).*the key of alice is revoked/s)
      await instantiate(world, nix.withInputs('againboth', [sourceOf('both')]))
      await assertBuilt(world)

      // A root without a profile keeps it just as well.
      await world.output(`rm /srv/result && ln -s ${uselone} /nix/var/nix/gcroots/kept`)
      const rooted = await nixsig(world, 'revoke alice --reason "laptop stolen" --quarantine --yes', 20)
      assert.match(rooted, /nix-store --query --roots PATH names them/)
      assert.match(await world.output(`nix-store --query --roots ${lone}`), /gcroots\/kept/)
      assert.equal(await isValid(world, lone), true)

      // Nothing needs it any more: the same command takes it out, and writes nothing twice.
      await world.output('rm /nix/var/nix/gcroots/kept')
      const once = world.read(POLICY)
      await nixsig(world, 'revoke alice --reason "laptop stolen" --quarantine --yes')
      assert.equal(world.read(POLICY), once)
      for (const path of [lone, uselone]) assert.equal(await isValid(world, path), false, path)
      for (const path of [both, useboth]) assert.equal(await isValid(world, path), true, path)
      const kept = await quarantined(world)
      assert.deepEqual(kept.map(({ path }) => path).sort(), [lone, uselone].sort())
      assert.match(kept[0]?.reason ?? '', /revoked: all keys of alice from .* \(laptop stolen\)/)
    }))
}
