// A packager's signature on a whole build graph, which reaches everything that the graph is built
// from by an index, with real Nix.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LEVEL } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import * as nix from '../support/expressions.ts'
import { byDefault, contentsOf, packaged, policyText, publish, setPolicy, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

/** More than any limit on what is looked at although nobody knows it. */
const CROWD = 4200

/** A graph of a source, a derivation that uses it and one above, of which the last one is signed. */
async function signedGraph(world: World) {
  const carol = signer('carol')
  await setPolicy(
    world,
    policyText({ carol: [carol] }, `${byDefault('carol', 'carol', 'self')}accept-graph = true\n`),
  )
  const middle = nix.withInputs('middle', [nix.toFile('source', 'contents\n')])
  world.write('/srv/middle.nix', middle)
  world.write('/srv/top.nix', nix.withInputs('top', [middle]))
  const drv = await world.output('nix-instantiate /srv/top.nix 2>/dev/null')
  publish(world, drv, packaged(carol, await contentsOf(world, drv), LEVEL.packagedGraph))
  const inner = await world.output('nix-instantiate /srv/middle.nix 2>/dev/null')
  /** Asks the hook as if nothing had been judged before. */
  const judge = async (derivation: string) => {
    await world.output('rm -rf /var/lib/nixsig/ledger')
    return world.run(['/opt/nixsig/pre-build-hook', derivation])
  }
  const [source = ''] = (await world.output('ls -d /nix/store/*-source')).split('\n')
  return {
    drv,
    middle: inner,
    source,
    judge,
    index: `/var/lib/nixsig/graphs/${drv.slice('/nix/store/'.length).slice(0, 32)}`,
  }
}

for (const version of VERSIONS) {
  test(`${version}: attack: a crowd of ${CROWD} unknown dependents hides no graph signature`, () =>
    withWorld(version, {}, async world => {
      const { drv, source } = await signedGraph(world)
      const crowd = `builtins.genList (n: derivation {
        name = "crowd-\${toString n}";
        system = builtins.currentSystem;
        builder = "/bin/sh";
        x = builtins.storePath "${source}";
      }) ${CROWD}`
      world.write('/srv/crowd.nix', crowd)
      await world.output('nix-instantiate --option fsync-metadata false /srv/crowd.nix 2>/dev/null')
      const dependents = await world.output(`nix-store -q --referrers ${source} | grep -c -- -crowd-`)
      assert.equal(Number(dependents), CROWD)
      await world.output(`nix-store --realise ${drv}`)
    }))

  test(`${version}: the index of a signed graph is kept, made again if it is damaged, and forgotten with its root`, () =>
    withWorld(version, {}, async world => {
      const { middle, index, judge } = await signedGraph(world)
      assert.equal((await judge(middle)).status, 0)
      const made = world.read(index)
      world.write(index, 'damaged', 0o600)
      assert.equal((await judge(middle)).status, 0)
      assert.equal(world.read(index), made)

      // As if it were the index of another graph: an index says whose it is.
      const other = `/var/lib/nixsig/graphs/${'0'.repeat(32)}`
      await world.output(`cp -p ${index} ${other}; head -c 100 ${other} > ${index}`)
      assert.equal((await judge(middle)).status, 0)
      assert.equal(world.read(index), made)
      assert.equal(world.exists(other), false)
    }))

  test(`${version}: attack: the index of a signed graph that others can write is not believed`, () =>
    withWorld(version, {}, async world => {
      const { middle, index, judge } = await signedGraph(world)
      assert.equal((await judge(middle)).status, 0)
      await world.output(`chmod o+w ${index}`)
      const refused = await judge(middle)
      assert.equal(refused.status, 1)
      assert.match(refused.stderr + refused.stdout, /undecided.*writable by others/s)
    }))

  test(`${version}: attack: a signed graph whose derivation is not valid here vouches for nothing`, () =>
    withWorld(version, {}, async world => {
      const { drv, middle, judge } = await signedGraph(world)
      const text = world.read(drv)
      await world.output(`nix-store --delete ${drv}`)
      world.write(drv, text, 0o444)
      const refused = await judge(middle)
      assert.equal(refused.status, 1)
      assert.match(
        refused.stderr + refused.stdout,
        /needs carol for its (derivation|source), found no signature/,
      )
    }))
}
