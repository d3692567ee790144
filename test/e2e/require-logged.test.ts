// A rule that takes only what is proven to be in a transparency log, with real Nix: refused before a
// build, admitted with a proof, and remembered for the quorum that it was proven for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedEntry, parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import * as nix from '../support/expressions.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate } from '../support/scene.ts'
import { policyOfTwo, tlogProof, WITNESSES } from '../support/tlog/log.ts'
import {
  ATTESTATIONS,
  contentsOf,
  packaged,
  policyText,
  publish,
  setPolicy,
  signer,
} from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const RULES = `[quorums.main]
policy = "tlog-policy.txt"
[default]
require.source = { packager = "alice", logged = "main" }
require.derivation = "nothing"
require.output = "self"
`

const alice = signer('alice')

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
      await assertRefusedBeforeBuild(
        world,
        first.out,
        /signed by alice, but not proven to be logged: needs the quorum main: 2 of 3 witnesses; found: no proof/,
      )
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
    }))
}
