// Evidence that proves nothing, put where the hooks look for it: refused before the build, with the
// right reason.
import { test } from 'node:test'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { LEVEL } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { type Attack, altered, damaged, onStage, publishTrue, testAttacks } from '../support/attack.ts'
import { assertBuilt, assertRefusedBeforeBuild } from '../support/scene.ts'
import { ATTESTATIONS, packaged, publish, released, type Signer } from '../support/trust.ts'
import { NEWEST, withWorld } from '../support/world.ts'

const OTHER_PATH = '/nix/store/00000000000000000000000000000000-plain.drv'
const OTHER_HASH = '0123456789abcdef'.repeat(4)

const BOTH = '[groups.packagers]\nmembers = ["alice", "bob"]\nthreshold = 2\n'

/** The envelope with the key id of another's. */
function withKeyid(line: string, other: string): string {
  const envelope = JSON.parse(line)
  envelope.signatures[0].keyid = JSON.parse(other).signatures[0].keyid
  return JSON.stringify(envelope)
}

function dated(key: Signer, field: 'valid-from' | 'valid-until', date: string): string {
  return `{ key = "${key.publicKey}", ${field} = ${date} }`
}

const STRANGER = /found only signers who are not in the trusted list \(SHA256:/
const UNSIGNED = /needs alice for its derivation, found no signature/
const ONE_OF_TWO = /needs 2 of 2 packagers for its derivation, found 1 \(alice\)/

const ABOUT_SOMETHING_ELSE: Readonly<Record<string, Attack>> = {
  'an attestation of another path': {
    act: ({ world, scene, alice, contents }) =>
      publish(world, scene.drv, packaged(alice, { ...contents, path: OTHER_PATH })),
    reason: UNSIGNED,
  },
  'an attestation of other contents': {
    act: ({ world, scene, alice, contents }) =>
      publish(world, scene.drv, packaged(alice, { ...contents, narHash: OTHER_HASH })),
    reason: new RegExp(`alice signed other contents \\(sha256:${OTHER_HASH}, in ${ATTESTATIONS}/`),
  },
  'a statement with two digests that differ': {
    act: ({ world, scene, alice, contents }) =>
      publish(
        world,
        scene.drv,
        altered(
          alice,
          packaged(alice, contents),
          `"nixNarSha256":"${contents.narHash}"`,
          `"nixNarSha256":"${OTHER_HASH}"`,
        ),
      ),
    reason: /undecided.*sha256 and nixNarSha256 differ/,
  },
  'a statement with the same digest twice, differently': {
    act: ({ world, scene, alice, contents }) =>
      publish(
        world,
        scene.drv,
        altered(alice, packaged(alice, contents), '"sha256":', `"sha256":"${OTHER_HASH}","sha256":`),
      ),
    reason: /undecided.*intoto\.jsonl:1: .*"sha256" is repeated/,
  },
  'a statement that names the path twice, with different digests': {
    act: ({ world, scene, alice, contents }) => {
      const subject = `{"name":"${contents.path}","digest":{"sha256":"${OTHER_HASH}"}},`
      publish(
        world,
        scene.drv,
        altered(alice, packaged(alice, contents), '"subject":[', `"subject":[${subject}`),
      )
    },
    reason: /undecided.*names a store path twice/,
  },
  'a verification that failed': {
    act: ({ world, scene, alice, contents }) =>
      publish(world, scene.drv, altered(alice, packaged(alice, contents), '"PASSED"', '"FAILED"')),
    reason: UNSIGNED,
  },
  'a verification of a level that nobody knows': {
    act: ({ world, scene, alice, contents }) =>
      publish(
        world,
        scene.drv,
        altered(alice, packaged(alice, contents), LEVEL.packaged, 'SLSA_BUILD_LEVEL_3'),
      ),
    reason: UNSIGNED,
  },
  "a developer's release where a packager's word is needed": {
    act: ({ world, scene, alice, contents }) => publish(world, scene.drv, released(alice, contents)),
    reason: UNSIGNED,
  },
}

const SIGNERS: Readonly<Record<string, Attack>> = {
  'a signature by somebody who is not listed': {
    act: ({ world, scene, mallory, contents }) => publish(world, scene.drv, packaged(mallory, contents)),
    reason: STRANGER,
  },
  'a signature under the key id of somebody who is listed': {
    act: ({ world, scene, alice, mallory, contents }) => {
      const forged = packaged(mallory, contents)
      publish(world, scene.drv, withKeyid(forged, packaged(alice, contents)))
    },
    reason: /found a signature that does not verify \(SHA256:[^,]+, in .*intoto\.jsonl:1\)/,
  },
  'a statement in the name of somebody who is listed, signed by another who is': {
    needs: 'bob',
    act: ({ world, scene, alice, bob, contents }) => {
      const { payload } = JSON.parse(packaged(alice, contents))
      publish(world, scene.drv, signEnvelope(Buffer.from(payload, 'base64'), bob.key))
    },
    reason: /needs bob for its derivation, found no signature/,
  },
  'a payload changed after it was signed': {
    act: ({ world, scene, alice, contents }) => {
      const envelope = JSON.parse(packaged(alice, contents))
      const text = Buffer.from(envelope.payload, 'base64').toString('utf8').replace('T', 't')
      publish(
        world,
        scene.drv,
        JSON.stringify({ ...envelope, payload: Buffer.from(text).toString('base64') }),
      )
    },
    reason: /found a signature that does not verify/,
  },
  'a key that is past its date': {
    keys: alice => [dated(alice, 'valid-until', '2020-05-01')],
    act: publishTrue,
    reason: /the key of alice is past its date, 2020-05-01/,
  },
  'a key that is not valid yet': {
    keys: alice => [dated(alice, 'valid-from', '2999-05-01')],
    act: publishTrue,
    reason: /the key of alice is not valid before 2999-05-01/,
  },
  'a revoked person': {
    rest: '[[revocations]]\nprincipal = "alice"\ndate = 2020-06-30\nreason = "laptop stolen"\n',
    act: publishTrue,
    reason: /the key of alice is revoked since 2020-06-30 \(laptop stolen\)/,
  },
}

const THRESHOLDS: Readonly<Record<string, Attack>> = {
  'two keys of one person where two people are needed': {
    keys: (alice, spare) => [alice, spare],
    needs: 'packagers',
    rest: BOTH,
    act: ({ world, scene, alice, spare, contents }) => {
      publish(world, scene.drv, packaged(alice, contents))
      publish(world, scene.drv, packaged(spare, contents))
    },
    reason: ONE_OF_TWO,
  },
  'the same line twice where two people are needed': {
    needs: 'packagers',
    rest: BOTH,
    act: damaged(file => `cat ${file} > /srv/line && cat /srv/line >> ${file}`),
    reason: ONE_OF_TWO,
  },
  'one statement signed twice by one person': {
    needs: 'packagers',
    rest: BOTH,
    act: ({ world, scene, alice, contents }) => {
      const once = packaged(alice, contents)
      publish(world, scene.drv, once)
      publish(world, scene.drv, altered(alice, once, '2026-', '2025-'))
    },
    reason: ONE_OF_TWO,
  },
  'one envelope that carries the same signature twice': {
    needs: 'packagers',
    rest: BOTH,
    act: ({ world, scene, alice, bob, contents }) => {
      const envelope = JSON.parse(packaged(alice, contents))
      const [own] = envelope.signatures
      const [{ keyid }] = JSON.parse(packaged(bob, contents)).signatures
      envelope.signatures = [own, { ...own, keyid: '' }, { ...own, keyid }]
      publish(world, scene.drv, JSON.stringify(envelope))
    },
    reason: ONE_OF_TWO,
  },
  'a listed person and a stranger where two people are needed': {
    needs: 'packagers',
    rest: BOTH,
    act: ({ world, scene, alice, mallory, contents }) => {
      publish(world, scene.drv, packaged(alice, contents))
      publish(world, scene.drv, packaged(mallory, contents))
    },
    reason: ONE_OF_TWO,
  },
  'one key listed for two people': {
    rest: '[principals.carol]\nkeys = ["KEY"]\n',
    act: publishTrue,
    reason: /undecided.*policy\.toml:\d+: .*is the same key as one of alice/,
  },
}

testAttacks({ ...ABOUT_SOMETHING_ELSE, ...SIGNERS, ...THRESHOLDS })

for (const version of NEWEST) {
  test(`${version}: what all of these attacks lack is one true attestation`, () =>
    withWorld(version, {}, async world => {
      const stage = await onStage(world, { needs: 'packagers', rest: BOTH })
      publishTrue(stage)
      await assertRefusedBeforeBuild(world, stage.scene.out, ONE_OF_TWO)
      // Key ids are hints: a wrong one costs time and nothing else.
      const bobs = JSON.parse(packaged(stage.bob, stage.contents))
      bobs.signatures[0].keyid = 'somebody else'
      publish(world, stage.scene.drv, JSON.stringify(bobs))
      await assertBuilt(world)
    }))
}
