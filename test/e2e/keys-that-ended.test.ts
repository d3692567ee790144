// A developer's OpenPGP key that expired after it signed: refused, or accepted if the rule says so,
// and never remembered.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import * as nix from '../support/expressions.ts'
import { openGnupg } from '../support/gnupg.ts'
import {
  assertBuilt,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
} from '../support/scene.ts'
import { ATTESTATIONS, byDefault, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const RELEASE = 'the developer wrote this\n'
const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-ended-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

const released = join(dir, 'tool.tar')
writeFileSync(released, RELEASE)
const past = gnupg.makeKey('past', { at: '20200101T000000', expire: '1y' })
const before = gnupg.sign(released, past, ['--armor'], '20200301T000000')
const certificate = readFileSync(gnupg.exportTo(join(dir, 'past.pgp'), past))
// Signed by who prolonged it; the copy of the certificate that users have does not know.
gnupg.gpg(['--quick-set-expire', past, '5y'], { at: '20200601T000000' })
const later = gnupg.sign(released, past, ['--armor'], '20210301T000000')

/** A policy by which the key's owner has to have signed every source. */
async function needPast(world: World, accept: 'refuse' | 'if-signed-before' | undefined): Promise<void> {
  world.write('/etc/nixsig/keys/past.pgp', certificate)
  const key = `{ openpgp = "${past}", certificate = "keys/past.pgp" }`
  const requirement = byDefault('X', 'nothing', 'self').replace('"X"', '{ developer = "dev" }')
  const rule = accept === undefined ? '' : `accept-expired-key = "${accept}"\n`
  await setPolicy(world, policyText({ dev: [key] }, `${requirement}${rule}`))
}

const fetched = (contents: string) => nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(contents))

async function withSignature(world: World, contents: string, signature: Uint8Array): Promise<string> {
  world.write('/srv/tool.tar', contents)
  const { out } = await instantiate(world, fetched(contents))
  storeDeveloperSignature(world.path(ATTESTATIONS), out, '.asc', signature)
  return out
}

for (const version of OLDEST) {
  for (const accept of [undefined, 'refuse'] as const) {
    const how = accept === undefined ? 'by default' : 'where the rule refuses it'
    test(`${version}: a source signed before its developer's key ended is refused ${how}`, () =>
      withWorld(version, {}, async world => {
        await needPast(world, accept)
        const out = await withSignature(world, RELEASE, before)
        const reason =
          /the key of dev ended 2020-12-31, after this was signed \(2020-03-01, by the signer's own word\)/
        await assertRefusedAfterBuild(world, [out], reason)
      }))
  }

  test(`${version}: attack: what was admitted by a key that had ended is not taken for signed by a later policy`, () =>
    withWorld(version, {}, async world => {
      await needPast(world, 'if-signed-before')
      const out = await withSignature(world, RELEASE, before)
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
      await instantiate(world, nix.withInputs('user', [fetched(RELEASE)]))
      await assertBuilt(world)
      await needPast(world, 'refuse')
      const another = await instantiate(world, nix.withInputs('another', [fetched(RELEASE)]))
      await assertRefusedBeforeBuild(
        world,
        another.out,
        /the key of dev ended 2020-12-31, after this was signed/,
      )
      // Not even where the signature, which says that the key had ended, is gone.
      await world.output(`rm -r ${ATTESTATIONS}/*`)
      await assertRefusedBeforeBuild(
        world,
        another.out,
        /needs dev as developer for its source, found no signature/,
      )
    }))

  test(`${version}: attack: other bytes under the signature of a key that ended, where that is accepted`, () =>
    withWorld(version, {}, async world => {
      await needPast(world, 'if-signed-before')
      const out = await withSignature(world, 'the developer wrote thiS\n', before)
      await assertRefusedAfterBuild(world, [out], /found a signature that does not verify/)
    }))

  test(`${version}: attack: a source signed after its developer's key ended, where that is accepted`, () =>
    withWorld(version, {}, async world => {
      await needPast(world, 'if-signed-before')
      const out = await withSignature(world, RELEASE, later)
      await assertRefusedAfterBuild(world, [out], /past its date/)
    }))
}
