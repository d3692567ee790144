// Proofs of logs on their way from a publication, whose server may keep them back, to whoever demands
// them.
// needs: both-judges
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { loggedEntry, parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import * as nix from '../support/expressions.ts'
import { publicationOf, serve } from '../support/publication.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate } from '../support/scene.ts'
import { policyOfTwo, tlogProof } from '../support/tlog/log.ts'
import { contentsOf, POLICY, packaged, policyText, signer } from '../support/trust.ts'
import { OLDEST, withWorld } from '../support/world.ts'

const NO_PROOF = /but not proven to be logged: needs the quorum main: 2 of 3 witnesses; found: no proof/
const QUORUM = '[quorums.main]\npolicy = "tlog-policy.txt"\n'
const alice = signer('alice')

const provenLine = (line: string, ...others: readonly string[]) =>
  printEnvelope({
    ...parseEnvelope(line),
    logged: [...others, tlogProof([loggedEntry(parseEnvelope(line))], 0)],
  })

for (const version of OLDEST) {
  test(`${version}: attack: a server that keeps the proof back, gives rubbish for it, and takes it away later`, async () => {
    const server = await serve(publicationOf({}, 1_700_000_000))
    try {
      await withWorld(version, {}, async world => {
        const rules = `${QUORUM}[default]
require.source = { packager = "alice", logged = "main" }
require.derivation = "nothing"
require.output = "self"
`
        const sources = `sources = [{ url = "${server.url}", max-age = 0 }]`
        world.write('/etc/nixsig/tlog-policy.txt', policyOfTwo())
        world.write(POLICY, policyText({ alice: [alice] }, rules).replace(/^directories = .*$/m, sources))
        world.write('/srv/source.txt', 'a source\n')
        const source = await world.output('nix-store --add /srv/source.txt')
        const line = packaged(alice, await contentsOf(world, source))
        const serving = (published: number, ...lines: readonly string[]) => {
          const name = basename(attestationFile('/', source))
          server.files = publicationOf({ [name]: lines.map(each => `${each}\n`).join('') }, published)
        }
        const expression = (name: string) => nix.withInputs(name, [`(builtins.storePath ${source})`])
        const first = await instantiate(world, expression('first'))

        serving(1_700_000_001, line)
        await assertRefusedBeforeBuild(world, first.out, NO_PROOF)
        serving(1_700_000_002, printEnvelope({ ...parseEnvelope(line), logged: ['rubbish'] }))
        await assertRefusedBeforeBuild(world, first.out, /found: no proof that holds \(.*does not begin/)
        serving(1_700_000_003, line, provenLine(line, 'rubbish'))
        await assertBuilt(world)

        serving(1_700_000_004, line)
        await instantiate(world, expression('second'))
        await assertBuilt(world)
        const anew = await world.run(`/opt/nixsig/nixsig verify ${source} --state /root/state`)
        assert.equal(anew.status, 12, anew.stdout)
        assert.match(anew.stdout, NO_PROOF)
      })
    } finally {
      await server.close()
    }
  })
}
