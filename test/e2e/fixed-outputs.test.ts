// H14: other bytes under the path of a fixed output, whose hash every derivation states, where
// nothing is required of sources.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedPath } from '../support/cache-of-many.ts'
import { OTHER, withCopies } from '../support/copied-worlds.ts'
import * as nix from '../support/expressions.ts'
import { MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { NO_HOOKS, withOldMachine } from '../support/old-machine.ts'
import { instantiate } from '../support/scene.ts'
import { sha256 } from '../support/trust.ts'
import { OLDEST, type World } from '../support/world.ts'

const GOOD = 'good\n'
const SOURCE = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(GOOD))

/** Makes a fixed output in the store `at`, and puts other bytes and their hash in its place. */
async function makeOther(world: World, at: string, options: string) {
  world.write('/srv/tool.tar', GOOD)
  const { drv, out } = await instantiate(world, SOURCE)
  const set = "ca = null, ultimate = null, hash = 'sha256:'"
  await world.output(`nix copy --no-check-sigs --derivation --to ${at} ${drv} 2>&1; nix-store ${options} -r ${drv}
    chmod u+w ${at}${out}; echo evil > ${at}${out}
    hash=$(nix-hash --type sha256 ${at}${out}); size=$(nix-store --dump ${at}${out} | wc -c)
    sqlite3 ${at}/nix/var/nix/db/db.sqlite \
      "update ValidPaths set ${set} || '$hash', narSize = $size where path = '${out}'"`)
  return { drv, out }
}

for (const version of OLDEST) {
  test(`${version}: attack: a cache chooses the bytes of a fixed output: Nix fetches it from its origin`, () =>
    withGatedWorld(version, '', async ({ world, caches, realise, admission }) => {
      world.write('/srv/tool.tar', GOOD)
      const { drv, out } = await instantiate(world, SOURCE)
      stock(caches[0], cachedPath('tool.tar', 'evil\n', [MALLORY], { path: out }))
      const { status, stderr } = await realise(drv)
      assert.equal(status, 0, stderr)
      assert.equal(world.read(out), GOOD)
      assert.notEqual(admission(out)?.narHash, sha256('evil\n'))
    }))

  test(`${version}: attack: other bytes of a fixed output are copied in`, () =>
    withCopies(version, async ({ world, isValid }) => {
      const { out } = await makeOther(world, '/srv/other', OTHER)
      const { status, stderr } = await world.run(`nix copy --no-check-sigs --from /srv/other ${out}`)
      assert.notEqual(status, 0)
      const reason = /tool\.tar \(output\)[^\n]*needs builder for its output[^\n]*declares other contents/
      assert.match(stderr, reason)
      assert.equal(await isValid(out), false)
    }))

  test(`${version}: attack: other bytes of a fixed output, here before: an output, whatever derivation anybody adds`, () =>
    withOldMachine(version, async ({ world, make, adopt, verify }) => {
      const evil = `--option plugin-files '' ${NO_HOOKS} --store /srv/evil`
      const { drv, out } = await makeOther(world, '/srv/evil', evil)
      await world.output(`nix copy --no-check-sigs --from /srv/evil ${out}`)
      const build = 'read x < $inputs; echo made of $x > $out'
      const own = await make(nix.derivation('own', { build, inputs: [SOURCE] }))
      assert.equal(world.read(own), 'made of evil\n')
      const adopted = await adopt(own)
      assert.equal(adopted.status, 10, adopted.stdout)
      const verdict = await verify(out)
      assert.equal(verdict.status, 10)
      assert.match(verdict.stdout, /tool\.tar \(output\)/)
      assert.match(
        verdict.stdout,
        new RegExp(`a derivation that declares other contents \\(.*count as an output, in ${drv}\\)`),
      )
      // The same bytes as the derivation declares are its source.
      await world.output(`nix-store --delete ${own} ${out}; nix-store ${NO_HOOKS} -r ${drv}`)
      assert.equal(world.read(out), GOOD)
      const mended = await verify(out)
      assert.equal(mended.status, 0, mended.stdout)
      assert.match(mended.stdout, /tool\.tar \(fetched source\)/)
    }))
}
