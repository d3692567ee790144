// Evidence about the outputs of a build: judged before the build as far as possible, and by the
// actual bytes after it.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { attestationFile, narinfoFile } from '../../src/evidence/attestation-file.ts'
import { beforeEnd } from '../support/before-end.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import {
  afterPreBuildHook,
  assertBuilt,
  assertClean,
  assertQuarantined,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import {
  ATTESTATIONS,
  built,
  byDefault,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { JUDGED, type World, withWorld } from '../support/world.ts'

const OTHER_HASH = sha256('other contents')
const SOURCE = 'the developer wrote this\n'

/** The hex NAR hash of a plain file with this text. */
async function narHashOf(world: World, text: string): Promise<string> {
  world.write('/srv/same', text)
  return (await world.output('nix-store --dump /srv/same | sha256sum')).slice(0, 64)
}

/** A world with builders alice and bob, each with a key; what outputs need, and groups. */
async function withBuilders(world: World, output: string, rest = '') {
  const [alice, bob, mallory] = [signer('alice'), signer('bob'), signer('mallory')]
  const text = policyText({ alice: [alice], bob: [bob] }, `${rest}${byDefault('nothing', 'nothing', output)}`)
  await setPolicy(world, text)
  return { alice, bob, mallory }
}

function group(members: readonly string[], threshold: number): string {
  return `[groups.builders]\nmembers = [${members.map(name => `"${name}"`).join(', ')}]\nthreshold = ${threshold}\n`
}

const twoOutputs = nix.derivation('pair', {
  build: 'echo the program > $out; echo the headers > $dev',
  attributes: { outputs: '[ "out" "dev" ]' },
})

/**
 * What becomes of a file of attestations between the two hooks, and what the second one says to it.
 */
const WHILE_IT_RUNS: Readonly<Record<string, { spoil: (file: string) => string; reason: RegExp }>> = {
  'the directory of attestations goes away': {
    spoil: () => `mv ${ATTESTATIONS} /srv/away`,
    reason: /undecided.*\n.*\/etc\/nixsig\/attestations does not exist/,
  },
  "everybody gets to write to an output's attestations": {
    spoil: file => `chmod o+w ${file}`,
    reason: /undecided.*\n.*intoto\.jsonl is writable by everybody/,
  },
  "an output's attestations become a pipe": {
    spoil: file => `rm -f ${file}; mkfifo ${file}`,
    reason: /undecided.*\n.*intoto\.jsonl is not a regular file/,
  },
  "an output's attestations are torn": {
    spoil: file => `truncate -s -9 ${file}`,
    reason: /undecided.*\n.*the last line breaks off/,
  },
}

for (const version of JUDGED) {
  test(`${version}: attack: what a builder says of one output counts for no other, and all of them are refused`, () =>
    withWorld(version, {}, async world => {
      const { alice } = await withBuilders(world, 'alice')
      const { drv, outputs } = await instantiate(world, twoOutputs)
      const { out = '', dev = '' } = outputs
      const narHash = await narHashOf(world, 'the headers\n')
      publish(world, dev, built(alice, { path: dev, narHash }, drv, 'dev'))
      const reason = /pair \(output\).*needs alice for its output, found no signature/
      await assertRefusedBeforeBuild(world, out, reason)

      publish(world, out, built(alice, { path: dev, narHash }, drv, 'dev'))
      await assertRefusedBeforeBuild(world, out, reason)

      publish(world, out, built(alice, { path: out, narHash: OTHER_HASH }, drv))
      await assertRefusedAfterBuild(world, [out, dev], /builders disagree: alice attested other contents/)
    }))

  test(`${version}: attack: a fetched source is other contents than were signed`, () =>
    withWorld(version, {}, async world => {
      const alice = signer('alice')
      await setPolicy(world, policyText({ alice: [alice] }, byDefault('alice', 'nothing', 'self')))
      world.write('/srv/tool.tar', SOURCE)
      const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(SOURCE))
      const { out } = await instantiate(world, source)
      publish(world, out, packaged(alice, { path: out, narHash: OTHER_HASH }))
      await assertRefusedAfterBuild(
        world,
        [out],
        new RegExp(`alice signed other contents \\(sha256:${OTHER_HASH}`),
      )
    }))

  test(`${version}: attack: a builder's other contents outweigh every threshold that is met`, () =>
    withWorld(version, {}, async world => {
      const builders = group(['alice', 'bob', 'self'], 2)
      const { alice, bob } = await withBuilders(world, 'builders', builders)
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      const narHash = await narHashOf(world, 'plain\n')
      publish(world, out, built(alice, { path: out, narHash }, drv))
      publish(world, out, built(bob, { path: out, narHash: OTHER_HASH }, drv))
      // Known before the build: whichever of the two it makes, the other builder disagrees.
      const reason = /builders disagree: (alice|bob) attested other contents/
      await assertRefusedBeforeBuild(world, out, reason)
    }))

  test(`${version}: attack: a builder's other contents come to light by the build`, () =>
    withWorld(version, {}, async world => {
      const { alice } = await withBuilders(world, 'builders', group(['alice', 'bob', 'self'], 2))
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      publish(world, out, built(alice, { path: out, narHash: OTHER_HASH }, drv))
      const reason = new RegExp(`builders disagree: alice attested other contents \\(sha256:${OTHER_HASH}`)
      await assertRefusedAfterBuild(world, [out], reason)
    }))

  test(`${version}: attack: one builder says the same twice where two are needed`, () =>
    withWorld(version, {}, async world => {
      const { alice } = await withBuilders(world, 'builders', group(['alice', 'bob'], 2))
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      const narHash = await narHashOf(world, 'plain\n')
      publish(world, out, built(alice, { path: out, narHash }, drv))
      publish(world, out, built(alice, { path: out, narHash }, drv, 'lib'))
      await assertRefusedBeforeBuild(world, out, /needs 2 of 2 builders for its output, found 1 \(alice\)/)
    }))

  test(`${version}: attack: an own attestation, fed back, is not another builder's`, () =>
    withWorld(version, {}, async world => {
      await withBuilders(world, 'builders', group(['alice', 'self'], 1))
      const { out } = await instantiate(world, nix.derivation('plain'))
      await assertBuilt(world)
      const publicKey = world.read('/var/lib/nixsig/machine.pub').trim()
      await setPolicy(
        world,
        policyText(
          { twin: [`"${publicKey}"`], alice: [signer('alice')] },
          `${group(['twin', 'alice', 'self'], 2)}${byDefault('nothing', 'nothing', 'builders')}`,
        ),
      )
      await world.output(`cp -r /var/lib/nixsig/attestations/. ${ATTESTATIONS}`)
      await world.output(`nix-store --delete ${out} && rm -r /var/lib/nixsig/ledger`)
      await assertRefusedBeforeBuild(
        world,
        out,
        /needs 2 of 3 builders for its output, found 1 \(this machine\)/,
      )
    }))

  test(`${version}: what strangers and keys past their date say of an output stops nothing`, () =>
    withWorld(version, {}, async world => {
      const [old, mallory] = [signer('old'), signer('mallory')]
      const keys = [`{ key = "${old.publicKey}", valid-until = 2020-01-01 }`]
      await setPolicy(world, policyText({ old: keys }, byDefault('nothing', 'nothing', 'self')))
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      for (const who of [old, mallory])
        publish(world, out, built(who, { path: out, narHash: OTHER_HASH }, drv))
      await assertBuilt(world)
    }))

  for (const kept of ['an attestation', 'a narinfo'] as const) {
    test(`${version}: of what was built before and collected, ${kept} says what it may come out as`, () =>
      withWorld(version, {}, async world => {
        const { alice } = await withBuilders(world, 'builders', group(['alice', 'self'], 1))
        const { drv, out } = await instantiate(world, nix.derivation('plain'))
        await afterPreBuildHook(world, 'cp /var/lib/nixsig/expected/* /srv/seen')
        await assertBuilt(world)
        assert.doesNotMatch(world.read('/srv/seen'), / these /)
        await world.output(`nix-store --delete ${out}`)
        // The ledger has all that the build needs: a hook could let it start without a look at any
        // evidence.
        const other = cachedPath('plain', 'other contents', [alice], { path: out, deriver: drv })
        if (kept === 'a narinfo') world.write(narinfoFile(ATTESTATIONS, out), other.narinfo)
        else publish(world, out, built(alice, other, drv))
        assert.notEqual((await nixBuild(world)).status, 0)
        assert.match(world.read('/srv/seen'), new RegExp(` these sha256:${other.narHash}$`, 'm'))
        assert.equal(await isValid(world, out), false)
        const reasons = (await quarantined(world)).map(({ reason }) => reason)
        assert.match(reasons.join(), /builders disagree: alice attested other contents/)
      }))
  }

  test(`${version}: attack: what an exemption let be built is not built by the ledger's word once that has ended`, () =>
    withWorld(version, {}, async world => {
      const { out } = await instantiate(world, nix.derivation('plain'))
      await beforeEnd(async end => {
        // What a try that took too long had refused.
        await world.output('rm -rf /var/lib/nixsig/quarantine')
        const reason = 'reason = "until it is signed"'
        await withBuilders(world, 'bob', `[[exemptions]]\nname = "plain"\n${reason}\nuntil = ${end.text}\n`)
        // Younger policies are not relied upon, so that nothing is said by the ledger alone.
        await sleep(2100)
        for (const times of ['judged', 'by the ledger']) {
          await assertBuilt(world)
          assert.equal(await isValid(world, out), true, times)
          await world.output(`nix-store --delete ${out}`)
        }
      })
      await assertRefusedBeforeBuild(world, out, /needs bob for its output, found no signature/)
    }))

  for (const [name, { spoil, reason }] of Object.entries(WHILE_IT_RUNS)) {
    test(`${version}: attack: while a build runs, ${name}`, () =>
      withWorld(version, {}, async world => {
        const { alice } = await withBuilders(world, 'self')
        const { drv, out } = await instantiate(world, nix.derivation('plain'))
        publish(world, out, built(alice, { path: out, narHash: await narHashOf(world, 'plain\n') }, drv))
        await afterPreBuildHook(world, spoil(attestationFile(ATTESTATIONS, out)))
        assert.notEqual((await nixBuild(world)).status, 0)
        await assertQuarantined(world, [out], { reason })

        assert.notEqual((await nixBuild(world)).status, 0)
        assert.equal(await isValid(world, out), false)
        await assertClean(world)
      }))
  }
}
