// Attestations that nixsig writes, verified by cosign: another implementation of the envelope and
// the statement.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyRing, openEnvelope } from '../../src/crypto/envelope.ts'
import { PAYLOAD_TYPE, parseEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { PROVENANCE } from '../../src/formats/in-toto/predicates/provenance.ts'
import { RELEASE } from '../../src/formats/in-toto/predicates/release.ts'
import { LEVEL, VERIFICATION_SUMMARY } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { printPemPublicKey } from '../../src/formats/keys/pem.ts'
import { parseSigstoreBundle, sigstoreBundle } from '../../src/formats/sigstore/bundle.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import {
  built,
  type Contents,
  contentsOf,
  packaged,
  released,
  type Signer,
  signer,
} from '../support/trust.ts'
import { type World, withWorld } from '../support/world.ts'

const DRV = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12.drv'
const NAR = '/tmp/hello.nar'

const alice = signer('alice')
const mallory = signer('mallory')

/** A store path of Nix's own making, with its NAR in a file: cosign takes no pipe. */
async function addHello(world: World): Promise<Contents> {
  world.write('/tmp/hello', 'hello')
  const path = await world.output('nix-store --add /tmp/hello')
  await world.output(`nix-store --dump ${path} > ${NAR}`)
  return contentsOf(world, path)
}

interface Check {
  readonly line: string
  readonly type: string
  readonly by?: Signer
}

/** What cosign says of an envelope about the NAR, by a public key in PEM. */
function cosign(world: World, { line, type, by = alice }: Check) {
  world.write('/tmp/bundle.json', sigstoreBundle(line, sshFingerprint(by.key.publicKey)))
  world.write('/tmp/key.pem', printPemPublicKey(by.key.publicKey))
  const options = ['--bundle', '/tmp/bundle.json', '--key', '/tmp/key.pem', '--type', type]
  return world.run(['cosign', 'verify-blob-attestation', '--insecure-ignore-tlog', ...options, NAR])
}

const inSid = (use: (world: World, hello: Contents) => Promise<void>) =>
  withWorld('sid', { hooks: false }, async world => use(world, await addHello(world)))

test('cosign accepts all three kinds of statement', () =>
  inSid(async (world, hello) => {
    const checks: readonly Check[] = [
      { line: built(alice, hello, DRV), type: PROVENANCE },
      { line: built(alice, { ...hello, references: [hello.path, DRV].sort() }, DRV), type: PROVENANCE },
      { line: packaged(alice, hello, LEVEL.packagedGraph), type: VERIFICATION_SUMMARY },
      { line: released(alice, hello), type: RELEASE },
    ]
    for (const check of checks) {
      const { status, stderr } = await cosign(world, check)
      assert.equal(status, 0, stderr)
      assert.match(stderr, /Verified OK/)
    }
  }))

test('cosign refuses what nixsig refuses: a tampered payload, another key, other contents', () =>
  inSid(async (world, hello) => {
    const line = built(alice, hello, DRV)
    const payload = /"payload":"([^"]*)"/.exec(line)?.[1] ?? ''
    const text = Buffer.from(payload, 'base64').toString('utf8').replace('"output":"out"', '"output":"dev"')
    const tampered = line.replace(payload, Buffer.from(text, 'utf8').toString('base64'))
    assert.notEqual(tampered, line)
    const refused: readonly (readonly [Check, RegExp])[] = [
      [{ line: tampered, type: PROVENANCE }, /accepted signatures do not match threshold/],
      [{ line, type: PROVENANCE, by: mallory }, /accepted signatures do not match threshold/],
      [
        { line: built(alice, { ...hello, narHash: 'ab'.repeat(32) }, DRV), type: PROVENANCE },
        /artifact digests do not match/,
      ],
      [{ line, type: RELEASE }, /invalid predicate type/],
    ]
    for (const [check, reason] of refused) {
      const { status, stderr } = await cosign(world, check)
      assert.notEqual(status, 0)
      assert.match(stderr, reason)
    }
  }))

test('an ECDSA key of cosign signs a statement of ours, and the envelope opens with its PEM key alone', () =>
  inSid(async (world, hello) => {
    const payload = Buffer.from(parseEnvelope(released(alice, hello)).payload)
    world.write('/tmp/statement.json', payload)
    const make = 'cosign generate-key-pair && cosign attest-blob --statement statement.json --key cosign.key'
    const offline = '--use-signing-config=false --tlog-upload=false --bundle bundle.json --yes'
    await world.output(`cd /tmp && ${make} ${offline}`, { env: { COSIGN_PASSWORD: '' } })
    const bundle = parseSigstoreBundle(Buffer.from(world.read('/tmp/bundle.json')))
    assert.ok(bundle.content.kind === 'envelope')
    const { signature } = bundle.content
    const envelope = { payloadType: PAYLOAD_TYPE, payload, signatures: [{ keyid: '', signature }] } as const
    const key = parseKey(world.read('/tmp/cosign.pub'))
    const { signers } = await openEnvelope(envelope, keyRing([parseKey(alice.publicKey), key]))
    assert.deepEqual(
      signers.map(each => each.key.identity),
      [key.identity],
    )
    const tampered = { ...envelope, payload: Buffer.concat([payload, Buffer.from(' ')]) }
    assert.deepEqual((await openEnvelope(tampered, keyRing([key]))).signers, [])
  }))
