// Whoever adds a content-addressed path chooses its signatures. However long and many they are,
// other users' builds can still read the path.
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertBuilt, instantiate, isInLedger } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const CACHE = '/srv/cache'
const USER = `derivation {
  name = "user"; system = builtins.currentSystem; builder = "/bin/sh";
  args = [ "-c" "read line < $src; echo $line > $out" ]; src = /srv/source.txt;
}`

/** One that is longer than any that is read, and more than are read together. */
const SIGNATURES = [
  `long:${'A'.repeat(1100 * 1024)}`,
  ...Array.from({ length: 40_000 }, (_, nth) => `many-${nth}:${'B'.repeat(600)}`),
]

/** Adds a source by way of a cache, which says of it what its owner likes. */
async function addFromCache(world: World): Promise<string> {
  world.write('/srv/source.txt', 'from a cache\n')
  const source = await world.output('nix-store --add /srv/source.txt')
  await world.output(`nix copy --to file://${CACHE} ${source} && nix-store --delete ${source}`)
  const narinfo = world.path(`${CACHE}/${source.slice('/nix/store/'.length).slice(0, 32)}.narinfo`)
  appendFileSync(narinfo, SIGNATURES.map(text => `Sig: ${text}\n`).join(''))
  await world.output(`nix copy --no-check-sigs --from file://${CACHE} ${source}`)
  return source
}

for (const version of VERSIONS) {
  test(`${version}: attack: signatures beyond all bounds on a source do not keep others from building with it`, () =>
    withWorld(version, { nixConf: { 'experimental-features': 'nix-command' } }, async world => {
      await setPolicy(world, policyText({ bob: [signer('bob')] }, byDefault('nothing', 'nothing', 'self')))
      const source = await addFromCache(world)
      const registered = await world.output(`nix path-info --sigs ${source} | wc -c`)
      assert.ok(Number(registered) > 16 * 1024 * 1024, registered)
      const { out } = await instantiate(world, USER)
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
      assert.equal((await world.run(`/opt/nixsig/nixsig verify ${source}`)).status, 0)
    }))
}
