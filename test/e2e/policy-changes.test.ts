// The same paths under another policy: judged anew by what this machine verified before, exempt for
// a time, or warned about.
// needs: both-judges
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { NO_POLICY, readAdmission } from '../../src/ledger/admissions.ts'
import { beforeEnd } from '../support/before-end.ts'
import * as nix from '../support/expressions.ts'
import {
  afterPreBuildHook,
  assertBuilt,
  assertQuarantined,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import {
  ATTESTATIONS,
  byDefault,
  type Contents,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  publish,
  type Signer,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { JUDGED, type Outcome, type World, withWorld } from '../support/world.ts'

const SOURCE = 'the developer wrote this\n'
const SOURCE_EXPRESSION = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(SOURCE))

/** Something new that needs the fetched source, so that it is asked about again. */
function user(name: string): string {
  return nix.withInputs(name, [SOURCE_EXPRESSION])
}

/**
 * A world where the source was fetched under a policy that lists alice and bob, both of whom may
 * vouch for it.
 */
async function withFetchedSource(world: World, by: 'alice' | 'bob') {
  const people = { alice: signer('alice'), bob: signer('bob') }
  const group = '[groups.packagers]\nmembers = ["alice", "bob"]\nthreshold = 1\n'
  await setPolicy(world, textOf(people, `${group}${byDefault('packagers', 'nothing', 'self')}`))
  world.write('/srv/tool.tar', SOURCE)
  const { out } = await instantiate(world, SOURCE_EXPRESSION)
  const narHash = (await world.output('nix-store --dump /srv/tool.tar | sha256sum')).slice(0, 64)
  publish(world, out, packaged(people[by], { path: out, narHash } satisfies Contents))
  await assertBuilt(world)
  await instantiate(world, user('before'))
  await assertBuilt(world)
  // From here on the source could not be fetched again, nor its attestation be read again.
  await world.output(`rm /srv/tool.tar && rm -r ${ATTESTATIONS}/*`)
  return { ...people, source: out }
}

function textOf(people: Readonly<Record<string, Signer>>, rest: string, mode = 'enforce'): string {
  return policyText(
    Object.fromEntries(Object.entries(people).map(([name, who]) => [name, [who]])),
    rest,
    mode,
  )
}

/** An instant as TOML writes it, so many seconds from now. */
function exemption(until: string): string {
  return `[[exemptions]]\nname = "tool.tar"\nkind = "fetched-source"\nreason = "compared by hand"\nuntil = ${until}\n`
}

for (const version of JUDGED) {
  test(`${version}: under a new policy what alice signed counts still, although her attestation is gone`, () =>
    withWorld(version, {}, async world => {
      const { alice, source } = await withFetchedSource(world, 'alice')
      await setPolicy(world, textOf({ alice }, byDefault('alice', 'nothing', 'self')))
      const { out } = await instantiate(world, user('after'))
      await assertBuilt(world)
      assert.equal(world.read(out).trim(), source)
    }))

  const CHANGES: Readonly<Record<string, (alice: Signer, bob: Signer) => readonly [string, RegExp]>> = {
    'its signer is not listed any more': (_, bob) => [
      textOf({ bob }, byDefault('bob', 'nothing', 'self')),
      /tool\.tar \(fetched source\).*needs bob for its source, found only signers who are not in the trusted list/,
    ],
    'its signer is listed, and another one needed': (alice, bob) => [
      textOf({ alice, bob }, byDefault('bob', 'nothing', 'self')),
      /tool\.tar \(fetched source\).*needs bob for its source, found no signature/,
    ],
    'its signer is revoked': (alice, bob) => [
      textOf(
        { alice, bob },
        `[[revocations]]\nprincipal = "alice"\ndate = 2020-01-01\n${byDefault('alice', 'nothing', 'self')}`,
      ),
      /tool\.tar \(fetched source\).*the key of alice is revoked since 2020-01-01/,
    ],
    "its signer's key is past its date": alice => [
      policyText(
        { alice: [`{ key = "${alice.publicKey}", valid-until = 2020-01-01 }`] },
        byDefault('alice', 'nothing', 'self'),
      ),
      /tool\.tar \(fetched source\).*the key of alice is past its date, 2020-01-01/,
    ],
    'its signer would do, but another role is needed': alice => [
      textOf({ alice }, byDefault('X', 'nothing', 'self').replace('"X"', '{ reviewer = "alice" }')),
      /tool\.tar \(fetched source\).*needs alice as reviewer for its source, found no signature/,
    ],
    'its rule refuses it': alice => [
      textOf({ alice }, byDefault('refuse', 'nothing', 'self')),
      /tool\.tar \(fetched source\).*the rule refuses it, whoever signed/,
    ],
  }
  for (const [name, change] of Object.entries(CHANGES)) {
    test(`${version}: what was admitted is refused under a new policy: ${name}`, () =>
      withWorld(version, {}, async world => {
        const { alice, bob, source } = await withFetchedSource(world, 'alice')
        const [text, reason] = change(alice, bob)
        await setPolicy(world, text)
        const { out } = await instantiate(world, user('after'))
        await assertRefusedBeforeBuild(world, out, reason)
        assert.equal(await isValid(world, source), true)
        // What was refused once does not come back by the ledger either.
        await assertRefusedBeforeBuild(world, out, new RegExp(source))
      }))
  }

  test(`${version}: what this machine built counts as built by it under a new policy`, () =>
    withWorld(version, {}, async world => {
      const alice = signer('alice')
      await setPolicy(world, textOf({ alice }, byDefault('nothing', 'nothing', 'self')))
      const bottom = nix.derivation('bottom')
      await instantiate(world, bottom)
      await assertBuilt(world)
      const group = '[groups.builders]\nmembers = ["alice", "self"]\nthreshold = 1\n'
      await setPolicy(world, textOf({ alice }, `${group}${byDefault('nothing', 'nothing', 'builders')}`))
      await instantiate(world, nix.withInputs('top', [bottom]))
      await assertBuilt(world)

      await setPolicy(world, textOf({ alice }, byDefault('nothing', 'nothing', 'alice')))
      const { out } = await instantiate(world, nix.withInputs('higher', [bottom]))
      await assertRefusedBeforeBuild(world, out, /bottom \(output\).*needs alice for its output/)
    }))

  test(`${version}: an exemption lets a source pass until its end, and not a second longer`, () =>
    withWorld(version, {}, async world => {
      const alice = signer('alice')
      world.write('/srv/tool.tar', SOURCE)
      await beforeEnd(async end => {
        const rest = `${exemption(end.text)}${byDefault('alice', 'nothing', 'self')}`
        await setPolicy(world, textOf({ alice }, rest))
        await instantiate(world, user('before'))
        await assertBuilt(world)
      })
      const { out } = await instantiate(world, user('after'))
      await assertRefusedBeforeBuild(
        world,
        out,
        /tool\.tar \(fetched source\).*needs alice for its source, found no signature/,
      )
    }))

  test(`${version}: an exemption that has ended lets nothing pass`, () =>
    withWorld(version, {}, async world => {
      const alice = signer('alice')
      const rest = `${exemption('2020-01-01')}${byDefault('alice', 'nothing', 'self')}`
      await setPolicy(world, textOf({ alice }, rest))
      world.write('/srv/tool.tar', SOURCE)
      const { out } = await instantiate(world, SOURCE_EXPRESSION)
      await assertRefusedBeforeBuild(world, out, /needs alice for its source, found no signature/)
    }))

  for (const daemon of [false, true]) {
    const through = daemon ? 'through the daemon' : 'without a daemon'
    test(`${version}: in warn mode everything passes, is told, and is not admitted, ${through}`, () =>
      withWorld(version, {}, async world => {
        const alice = signer('alice')
        const demanding = byDefault('alice', 'alice', 'alice')
        await setPolicy(world, textOf({ alice }, demanding, 'warn'))
        world.write('/srv/tool.tar', SOURCE)
        const { drv, out } = await instantiate(world, user('tool'))
        const log = daemon ? await world.startDaemon() : undefined
        const passed: Outcome = await nixBuild(world, '', daemon ? { user: 'alice' } : {})
        assert.equal(passed.status, 0, passed.stderr)
        const told = `${passed.stderr}${log?.log() ?? ''}`
        assert.match(
          told,
          /nixsig: warning, let pass: would be refused \S*tool\.tar\.drv.*needs alice for its derivation/,
        )
        assert.match(told, /warning, let pass:.*tool\.tar \(fetched source\).*needs alice for its source/)
        assert.match(told, new RegExp(`refused ${out} \\(output\\)`))
        assert.equal(await isValid(world, out), true)
        assert.equal(isInLedger(world, drv), false)
        // H12: who made it is remembered, under no policy.
        const entry = readAdmission(world.path('/var/lib/nixsig'), parseStorePath(out).digest, out)
        assert.deepEqual([entry?.policy, entry?.builtHere], [NO_POLICY, true])
        assert.deepEqual(await quarantined(world), [])
        assert.equal(world.exists('/var/lib/nixsig/attestations'), false)

        await setPolicy(world, textOf({ alice }, byDefault('nothing', 'nothing', 'alice')))
        const top = await instantiate(world, nix.withInputs('top', [user('tool')]))
        await assertRefusedBeforeBuild(world, top.out, /tool \(output\).*needs alice for its output/)
      }))
  }

  test(`${version}: attack: a signer revoked while the build runs: judged by the policy of after the build`, () =>
    withWorld(version, {}, async world => {
      const alice = signer('alice')
      await setPolicy(world, textOf({ alice }, byDefault('nothing', 'alice', 'self')))
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      publish(world, drv, packaged(alice, await contentsOf(world, drv)))
      const revocation = '[[revocations]]\\nprincipal = "alice"\\ndate = 2020-01-01\\n'
      await afterPreBuildHook(world, `printf '${revocation}' >> ${POLICY}`)
      assert.notEqual((await nixBuild(world)).status, 0)
      await assertQuarantined(world, [out], { reason: /the key of alice is revoked since 2020-01-01/ })
      const again = await nixBuild(world)
      assert.notEqual(again.status, 0)
      assert.match(again.stderr, /plain\.drv \(derivation\).*the key of alice is revoked since 2020-01-01/)
      assert.equal(await isValid(world, out), false)
    }))
}
