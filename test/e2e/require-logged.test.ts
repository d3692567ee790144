// A rule that takes only what is proven to be in a transparency log, with real Nix: refused before a
// build, admitted with a proof, and remembered for the quorum that it was proven for; and the same at the
// gate, which asks caches.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedEntry, parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, MALLORY, stock, withGatedWorld } from '../support/gated-world.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate } from '../support/scene.ts'
import { policyOfTwo, tlogProof, WITNESSES } from '../support/tlog/log.ts'
import {
  ATTESTATIONS,
  built,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  publish,
  setPolicy,
  signer,
} from '../support/trust.ts'
import { NEWEST, OLDEST, type World, withWorld } from '../support/world.ts'

const RULES = `[quorums.main]
policy = "tlog-policy.txt"
[default]
require.source = { packager = "alice", logged = "main" }
require.derivation = "nothing"
require.output = "self"
`

const alice = signer('alice')

const NO_PROOF = /not proven to be logged: needs the quorum main: 2 of 3 witnesses; found: no proof/

function proven(line: string): string {
  const envelope = parseEnvelope(line)
  return printEnvelope({ ...envelope, logged: [tlogProof([loggedEntry(envelope)], 0)] })
}

/** Something that is built from a local source. */
async function scene(world: World) {
  world.write('/etc/nixsig/tlog-policy.txt', policyOfTwo())
  await setPolicy(world, policyText({ alice: [alice] }, RULES))
  world.write('/srv/source.txt', 'a source\n')
  const source = await world.output('nix-store --add /srv/source.txt')
  const line = packaged(alice, await contentsOf(world, source))
  return { source, line, entry: loggedEntry(parseEnvelope(line)) }
}

for (const version of OLDEST) {
  test(`${version}: attack: a stolen key that signs in secret, and then the same in public`, () =>
    withWorld(version, {}, async world => {
      const { source, line, entry } = await scene(world)
      const expression = (name: string) => nix.withInputs(name, [`(builtins.storePath ${source})`])
      publish(world, source, line)
      const first = await instantiate(world, expression('first'))
      await assertRefusedBeforeBuild(world, first.out, NO_PROOF)
      const few = tlogProof([entry], 0, { witnesses: WITNESSES.slice(0, 1) })
      publish(world, source, printEnvelope({ ...parseEnvelope(line), logged: [few] }))
      await assertRefusedBeforeBuild(world, first.out, /found: 1 of 3 \(w1\)/)
      world.write('/srv/few.proof', tlogProof([entry], 0))
      const kept = await world.run(
        `/opt/nixsig/nixsig attest log-proof ${source} --proof /srv/few.proof --out ${ATTESTATIONS}`,
      )
      assert.equal(kept.status, 0, kept.stderr)
      await assertBuilt(world)

      // Remembered for the quorum as it is, whatever becomes of the attestation.
      await world.output(`rm -r ${ATTESTATIONS} && mkdir ${ATTESTATIONS}`)
      world.write('/etc/nixsig/tlog-policy.txt', `# the same\n${policyOfTwo()}`)
      await instantiate(world, expression('second'))
      await assertBuilt(world)
      world.write('/etc/nixsig/tlog-policy.txt', policyOfTwo().replace('two 2', 'two 3'))
      const third = await instantiate(world, expression('third'))
      await assertRefusedBeforeBuild(
        world,
        third.out,
        /not proven to be logged: needs the quorum main: 3 of 3 witnesses; found: no proof/,
      )

      // Whoever can write the file decides who is believed.
      const file = '/etc/nixsig/tlog-policy.txt'
      world.write(file, policyOfTwo())
      await world.output(`chown 1234 ${file}`)
      await assertRefusedBeforeBuild(world, third.out, /tlog-policy.txt.* belongs to user 1234/)
      await world.output(`mkdir -m 0777 /srv/loose && mv ${file} /srv/loose && chown 0 /srv/loose/*`)
      await world.output(`ln -s /srv/loose/tlog-policy.txt ${file}`)
      await assertRefusedBeforeBuild(world, third.out, /srv\/loose.* is writable by everybody/)
      await world.output(`rm ${file}`)
      await assertRefusedBeforeBuild(world, third.out, /tlog-policy.txt/)
    }))
}

for (const version of NEWEST) {
  test(`${version}: attack: a cache with the signatures of a stolen key that were never logged`, () =>
    withGatedWorld(version, '', async ({ world, caches, realise, isValid, trust }) => {
      const hello = cachedPath('hello', 'hello\n', [ALPHA])
      world.write('/etc/nixsig/tlog-policy.txt', policyOfTwo())
      await trust(1, '[quorums.main]\npolicy = "tlog-policy.txt"')
      const demanding = world
        .read(POLICY)
        .replace('output = "caches"', 'output = { builder = "alpha", logged = "main" }')
      world.write(POLICY, demanding)
      stock(caches[0], hello)
      const refused = async (why: RegExp) => {
        await world.output('/opt/nixsig/nixsig reload')
        const { status, stderr } = await realise(hello.path)
        assert.notEqual(status, 0)
        assert.match(stderr, why)
        assert.equal(await isValid(hello.path), false)
      }
      await refused(NO_PROOF)

      const contents = { path: hello.path, narHash: hello.narHash }
      const line = built(ALPHA, contents, `${hello.path}.drv`)
      publish(world, hello.path, line)
      await refused(NO_PROOF)
      publish(world, hello.path, proven(built(MALLORY, contents, `${hello.path}.drv`)))
      await refused(NO_PROOF)
      publish(world, hello.path, proven(line))
      await world.output('/opt/nixsig/nixsig reload')
      const { status, stderr } = await realise(hello.path)
      assert.equal(status, 0, stderr)
      assert.match((await world.run(`/opt/nixsig/nixsig explain ${hello.path}`)).stdout, /main/)
    }))
}
