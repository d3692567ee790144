import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { appendAttestation } from '../../src/evidence/attestation-files.ts'
import { attestationEvidence, attestationReader } from '../../src/evidence/attestations.ts'
import { PAYLOAD_TYPE, pae, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { PROVENANCE, provenanceJson } from '../../src/formats/in-toto/predicates/provenance.ts'
import { RELEASE, releaseJson } from '../../src/formats/in-toto/predicates/release.ts'
import {
  LEVEL,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import { printStatement } from '../../src/formats/in-toto/statement.ts'
import type { JsonObject } from '../../src/formats/json/strict.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import type { Ed25519Key, Policy, Principal } from '../../src/policy/policy.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair, signEd25519 } from '../../src/primitives/sodium.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12'
const DRV = '/nix/store/1123456789abcdfghijklmnpqrsvwxyz-hello-2.12.drv'
const OTHER_PATH = '/nix/store/2123456789abcdfghijklmnpqrsvwxyz-other'
const HASH = 'ab'.repeat(32)
const OTHER_HASH = 'cd'.repeat(32)

/** A person's key pair, the same at each call. */
function person(name: string) {
  const pair = ed25519KeyPair(Buffer.alloc(32, name))
  return { ...pair, name, identity: `ed25519:${toHex(pair.publicKey)}` }
}
type Person = ReturnType<typeof person>
const alice = person('alice')
const bob = person('bob')
const mallory = person('mallory')

function principal({ name, publicKey, identity }: Person, form: Ed25519Key['form'] = 'nix'): Principal {
  return { name, keys: [{ kind: 'ed25519', form, identity, label: `${name}-1`, publicKey }] }
}

let first: string
let second: string
let policy: Policy
beforeEach(() => {
  first = mkdtempSync(join(tmpdir(), 'nixsig-evidence-'))
  second = mkdtempSync(join(tmpdir(), 'nixsig-evidence-'))
  policy = trusting(principal(alice), principal(bob))
})
afterEach(() => {
  for (const dir of [first, second]) rmSync(dir, { recursive: true, force: true })
})

/** A policy of which only the principals and directories matter here. */
function trusting(...principals: readonly Principal[]): Policy {
  const people = { principals: new Map(principals.map(one => [one.name, one])), groups: new Map() }
  const partial: Partial<Policy> = { ...people, attestations: [first, second] }
  return partial as Policy
}

interface Said {
  readonly path?: string
  readonly narHash?: string
  readonly references?: readonly string[]
}

function payload(predicateType: string, predicate: JsonObject, said: Said = {}) {
  const { path: name = PATH, narHash = HASH, references } = said
  const subjects = [{ name, narHash, ...(references && { references }) }]
  return printStatement({ subjects, predicateType, predicate })
}

const built = (by: Person, said?: Said) =>
  signEnvelope(
    payload(
      PROVENANCE,
      provenanceJson(
        signerUri('builder', sshFingerprint(by.publicKey)),
        { derivation: DRV, output: 'out', inputs: [] },
        0,
      ),
      said,
    ),
    by,
  )

const released = (by: Person, said?: Said) =>
  signEnvelope(payload(RELEASE, releaseJson('pkg:generic/hello@2.12'), said), by)

interface Verified extends Said {
  readonly levels: readonly string[]
  readonly passed?: boolean
  readonly resourceUri?: string
  readonly signer?: string
}

function verified(by: Person, options: Verified): string {
  const { levels, passed = true, path = PATH, resourceUri = `nixsig:${path}` } = options
  const summary = {
    signer: options.signer ?? signerUri('verifier', sshFingerprint(by.publicKey)),
    resourceUri,
    passed,
    levels,
    inputs: [{ uri: 'minisign:RWQ', sha256: HASH }],
  }
  return signEnvelope(payload(VERIFICATION_SUMMARY, verificationSummaryJson(summary), options), by)
}

/** Writes raw lines. */
function publish(dir: string, path: string, ...lines: readonly string[]): string {
  const file = attestationFile(dir, path)
  mkdirSync(dirname(file), { recursive: true })
  appendFileSync(file, lines.map(line => `${line}\n`).join(''))
  return file
}

const NOTHING = { claims: [], strays: [], troubles: [] }

/** Who claims what, abbreviated: `alice builder ab`. */
async function claims(path = PATH, subject = policy): Promise<readonly string[]> {
  const found = await attestationEvidence(subject, path)
  return found.claims.map(claim => {
    const who = [alice, bob, mallory].find(one => one.identity === claim.key)?.name
    return [who, claim.role, claim.narHash.slice(0, 2), ...(claim.coversGraph ? ['graph'] : [])].join(' ')
  })
}

/** The strays that were found, abbreviated. */
async function strays(path = PATH, subject = policy): Promise<readonly string[]> {
  const found = await attestationEvidence(subject, path)
  return found.strays.map(stray => `${stray.problem}: ${stray.detail}`)
}

const troubles = async () => (await attestationEvidence(policy, PATH)).troubles.map(({ detail }) => detail)

test('no file: no evidence, and no trouble', async () => {
  assert.deepEqual(await attestationEvidence(policy, PATH), NOTHING)
})

test('a claim in full: key, role, path, hash, file and line', async () => {
  const file = publish(first, PATH, built(mallory), built(alice))
  const trace = `envelope:ed25519:${sshFingerprint(alice.publicKey)}`
  assert.deepEqual((await attestationEvidence(policy, PATH)).claims, [
    { key: alice.identity, role: 'builder', path: PATH, narHash: HASH, trace, origin: `${file}:2` },
  ])
})

test('each kind of statement gives its role', async () => {
  publish(
    first,
    PATH,
    built(alice),
    released(alice),
    verified(alice, { levels: [LEVEL.packaged] }),
    verified(bob, { levels: [LEVEL.developerSignatureChecked] }),
    verified(bob, { levels: [LEVEL.reviewed, 'SLSA_BUILD_LEVEL_3'] }),
  )
  assert.deepEqual(await claims(), [
    'alice builder ab',
    'alice developer ab',
    'alice packager ab',
    'bob packager ab',
    'bob reviewer ab',
  ])
  assert.deepEqual(await strays(), [])
})

test('a packager’s attestation of a whole build graph is marked as one', async () => {
  publish(first, DRV, verified(alice, { path: DRV, levels: [LEVEL.packagedGraph] }))
  assert.deepEqual(await claims(DRV), ['alice packager ab graph'])
})

test('an attestation of a graph and one of the derivation alone are two claims', async () => {
  publish(first, DRV, verified(alice, { path: DRV, levels: [LEVEL.packaged, LEVEL.packagedGraph] }))
  assert.deepEqual(await claims(DRV), ['alice packager ab', 'alice packager ab graph'])
})

test('another hash is a claim too: the judge makes it a conflict', async () => {
  publish(first, PATH, built(alice), built(bob, { narHash: OTHER_HASH }))
  assert.deepEqual(await claims(), ['alice builder ab', 'bob builder cd'])
})

test('a builder’s list of the path’s references is part of the claim', async () => {
  publish(first, PATH, built(alice), built(alice, { references: [PATH, OTHER_PATH] }))
  const { claims, troubles } = await attestationEvidence(policy, PATH)
  assert.deepEqual([claims.map(({ references }) => references), troubles], [[[PATH, OTHER_PATH]], []])
})

test('attack: references in no order, by a listed key, cannot be read', async () => {
  publish(first, PATH, built(alice, { references: [OTHER_PATH, PATH] }))
  assert.deepEqual(await claims(), [])
  assert.match((await troubles()).join(), /must be sorted, and none repeated/)
})

test('two directories add up, and the same envelope in both is one claim', async () => {
  publish(first, PATH, built(alice))
  publish(second, PATH, built(alice), built(bob), built(bob))
  assert.deepEqual(await claims(), ['alice builder ab', 'bob builder ab'])
})

test('attack: one key says the same in many envelopes and has one claim', async () => {
  const lines = [0, 1, 2].map(time =>
    signEnvelope(
      payload(
        PROVENANCE,
        provenanceJson(
          signerUri('builder', sshFingerprint(alice.publicKey)),
          { derivation: DRV, output: 'out', inputs: [] },
          time,
        ),
      ),
      alice,
    ),
  )
  assert.equal(new Set(lines).size, 3)
  publish(first, PATH, ...lines)
  assert.deepEqual(await claims(), ['alice builder ab'])
})

test('attack: an envelope by an unknown signer', async () => {
  publish(first, PATH, built(mallory))
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await strays(), [`unknown-signer: ${sshFingerprint(mallory.publicKey)}`])
})

test('attack: an envelope signed by an outsider under alice’s key id', async () => {
  const statement = payload(RELEASE, releaseJson('pkg:generic/hello@2.12'))
  const keyid = sshFingerprint(alice.publicKey)
  const signature = signEd25519(pae(PAYLOAD_TYPE, statement), mallory.secretKey)
  publish(
    first,
    PATH,
    printEnvelope({ payloadType: PAYLOAD_TYPE, payload: statement, signatures: [{ keyid, signature }] }),
  )
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await strays(), [`bad-signature: ${keyid}`])
})

test('attack: an outsider’s payload is not even parsed', async () => {
  publish(first, PATH, signEnvelope(Buffer.from('{"_type": garbage'), mallory))
  assert.deepEqual(await troubles(), [])
  assert.deepEqual(await strays(), [`unknown-signer: ${sshFingerprint(mallory.publicKey)}`])
})

test('attack: alice’s statement about another path is copied under this one', async () => {
  publish(first, PATH, built(alice, { path: OTHER_PATH }))
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await strays(), [`other-subject: ${OTHER_PATH}`])
})

test('attack: a path with the same hash part and another name', async () => {
  publish(first, PATH, built(alice, { path: `${PATH}-lib` }))
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await strays(), [`other-subject: ${PATH}-lib`])
})

test('of several subjects, the one that is asked about', async () => {
  const subjects = [
    { name: OTHER_PATH, narHash: OTHER_HASH },
    { name: PATH, narHash: HASH },
  ]
  const predicate = releaseJson('pkg:generic/hello@2.12')
  publish(first, PATH, signEnvelope(printStatement({ subjects, predicateType: RELEASE, predicate }), alice))
  assert.deepEqual(await claims(), ['alice developer ab'])
})

for (const uri of [
  `nixsig:${OTHER_PATH}`,
  `nixsig:${PATH}/`,
  `nixsig:${PATH}/bin`,
  `nixsig:${PATH} `,
  ` nixsig:${PATH}`,
  `nixsig:${PATH.replace('hello', '%68ello')}`,
  `nixsig:${PATH.toUpperCase()}`,
  `nixsig:/${PATH}`,
  `https://example.org${PATH}`,
  'pkg:generic/hello@2.12',
  PATH,
  '',
]) {
  test(`attack: a summary under this path whose resourceUri is "${uri}"`, async () => {
    publish(first, PATH, verified(alice, { levels: [LEVEL.packaged], resourceUri: uri }))
    assert.deepEqual(await claims(), [])
    assert.deepEqual(await strays(), [`other-subject: resourceUri "${uri}"`])
  })
}

test('a summary whose resourceUri has its scheme in capitals is about this path', async () => {
  publish(first, PATH, verified(alice, { levels: [LEVEL.packaged], resourceUri: `NIXSIG:${PATH}` }))
  assert.deepEqual(await claims(), ['alice packager ab'])
})

test('attack: of the two subjects of a summary, the one that its resourceUri does not name', async () => {
  const subjects = [OTHER_PATH, PATH].map(name => ({ name, narHash: HASH }))
  const predicate = verificationSummaryJson({
    signer: 'https://example.org/verifier',
    resourceUri: `nixsig:${OTHER_PATH}`,
    passed: true,
    levels: [LEVEL.packaged],
    inputs: [],
  })
  const line = signEnvelope(
    printStatement({ subjects, predicateType: VERIFICATION_SUMMARY, predicate }),
    alice,
  )
  for (const path of [PATH, OTHER_PATH]) publish(first, path, line)
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await claims(OTHER_PATH), ['alice packager ab'])
})

for (const [what, build] of [
  ['another derivation', { derivation: `${OTHER_PATH}.drv`, output: 'out', inputs: [] }],
  ['another output of its derivation', { derivation: DRV, output: 'dev', inputs: [] }],
  ['a build from itself', { derivation: DRV, output: 'out', inputs: [{ name: PATH, narHash: OTHER_HASH }] }],
] as const) {
  test(`attack: provenance about ${what}`, async () => {
    const signed = signerUri('builder', sshFingerprint(alice.publicKey))
    publish(first, PATH, signEnvelope(payload(PROVENANCE, provenanceJson(signed, build, 0)), alice))
    assert.deepEqual(await claims(), [])
    assert.match((await strays()).join(), /^other-subject: /)
  })
}

for (const scheme of [
  'nixsig:',
  'NIXSIG:',
  'NixSig:',
  ' nixsig:',
  'nix\u00adsig:',
  '\uff4eixsig:',
  'ni\txsig:',
]) {
  test(`attack: alice signs as "${scheme}" and the key of another`, async () => {
    const signer = `${scheme}verifier:${sshFingerprint(bob.publicKey)}`
    publish(first, PATH, verified(alice, { levels: [LEVEL.packaged], signer }))
    assert.deepEqual(await claims(), [])
    assert.match((await strays()).join(), /^unused: signed by alice-1, but as the word of another signer$/)
  })
}

test('alice signs as herself, the scheme in capitals', async () => {
  const signer = `NIXSIG:verifier:${sshFingerprint(alice.publicKey)}`
  publish(first, PATH, verified(alice, { levels: [LEVEL.packaged], signer }))
  assert.deepEqual(await claims(), ['alice packager ab'])
})

test('attack: a second person signs a builder’s statement and did not build', async () => {
  const statement = payload(
    PROVENANCE,
    provenanceJson(
      signerUri('builder', sshFingerprint(alice.publicKey)),
      { derivation: DRV, output: 'out', inputs: [] },
      0,
    ),
  )
  const signatures = [alice, bob].map(by => ({
    keyid: '',
    signature: signEd25519(pae(PAYLOAD_TYPE, statement), by.secretKey),
  }))
  publish(first, PATH, printEnvelope({ payloadType: PAYLOAD_TYPE, payload: statement, signatures }))
  assert.deepEqual(await claims(), ['alice builder ab'])
  assert.deepEqual(await strays(), ['unused: signed by bob-1, but as the word of another signer'])
})

test('two developers sign one release', async () => {
  const statement = payload(RELEASE, releaseJson('pkg:generic/hello@2.12'))
  const signatures = [alice, bob].map(by => ({
    keyid: '',
    signature: signEd25519(pae(PAYLOAD_TYPE, statement), by.secretKey),
  }))
  publish(first, PATH, printEnvelope({ payloadType: PAYLOAD_TYPE, payload: statement, signatures }))
  assert.deepEqual(await claims(), ['alice developer ab', 'bob developer ab'])
})

test('a failed verification is not a claim, and is reported', async () => {
  publish(first, PATH, verified(alice, { levels: [LEVEL.packaged], passed: false }))
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await strays(), ['unused: a verification that FAILED'])
})

test('unknown levels and predicates are not claims, and are reported', async () => {
  publish(
    first,
    PATH,
    verified(alice, { levels: ['SLSA_BUILD_LEVEL_3'] }),
    verified(alice, { levels: [] }),
    verified(alice, { levels: ['nixsig_packaged'] }),
    signEnvelope(payload('https://example.com/p/v1', new Map()), alice),
  )
  assert.deepEqual(await claims(), [])
  assert.deepEqual(await strays(), [
    'unused: a verification of no level that nixsig knows: SLSA_BUILD_LEVEL_3',
    'unused: a verification of no level that nixsig knows: ',
    'unused: a verification of no level that nixsig knows: nixsig_packaged',
    'unused: https://example.com/p/v1',
  ])
})

test('a minisign key opens no envelope', async () => {
  publish(first, PATH, built(alice))
  assert.deepEqual(await claims(PATH, trusting(principal(alice, 'minisign'))), [])
})

test('what this machine signed itself is not evidence here, listed or not', async () => {
  publish(first, PATH, built(alice), built(mallory))
  for (const machine of [alice, mallory]) {
    const found = await attestationEvidence(policy, PATH, machine.publicKey)
    assert.equal(
      found.claims.some(claim => claim.key === machine.identity),
      false,
    )
    const details = found.strays.filter(stray => stray.problem === 'unused').map(stray => stray.detail)
    assert.equal(details.length, 1)
    assert.match(details[0] ?? '', /is this machine's own$/)
  }
})

test('a line that is not an envelope is a trouble of that line, and the others still count', async () => {
  const file = publish(first, PATH, built(alice), 'garbage', built(bob))
  const { troubles } = await attestationEvidence(policy, PATH)
  assert.deepEqual(
    troubles.map(({ origin }) => origin),
    [`${file}:2`],
  )
  assert.match(troubles[0]?.detail ?? '', /^JSON: expected a value \(offset 0\)/)
  assert.deepEqual(await claims(), ['alice builder ab', 'bob builder ab'])
})

test('attack: a listed key signs something that is not a statement, or is an ambiguous one', async () => {
  const statement = Buffer.from(payload(RELEASE, releaseJson('pkg:generic/hello@2.12'))).toString('utf8')
  const ambiguous = statement.replace(`"nixNarSha256":"${HASH}"`, `"nixNarSha256":"${OTHER_HASH}"`)
  const repeated = statement.replace('"predicate":', '"predicate":{},"predicate":')
  publish(
    first,
    PATH,
    ...['{}', ambiguous, repeated].map(text => signEnvelope(Buffer.from(text, 'utf8'), alice)),
  )
  assert.deepEqual(await claims(), [])
  const [missing, differ, twice, ...more] = await troubles()
  assert.match(missing ?? '', /field "_type" is missing/)
  assert.match(differ ?? '', /sha256 and nixNarSha256 differ/)
  assert.match(twice ?? '', /key "predicate" is repeated/)
  assert.deepEqual(more, [])
})

test('a file that breaks off, that is world-writable, or that is a directory, is a trouble', async () => {
  const file = publish(first, PATH, built(alice))
  appendFileSync(file, '{"pay')
  assert.match((await troubles())[0] ?? '', /the last line breaks off \(line 2\)/)
  writeFileSync(file, `${built(alice)}\n`)
  assert.deepEqual(await troubles(), [])
  chmodSync(file, 0o666)
  assert.match((await troubles())[0] ?? '', /is writable by everybody/)
  rmSync(file)
  mkdirSync(file)
  assert.match((await troubles())[0] ?? '', /is not a regular file/)
})

test('a configured directory that is missing or world-writable is a trouble, and the other one still counts', async () => {
  publish(second, PATH, built(bob))
  chmodSync(first, 0o1777)
  assert.match((await troubles())[0] ?? '', /is writable by everybody/)
  rmSync(first, { recursive: true })
  assert.match((await troubles())[0] ?? '', /does not exist$/)
  assert.equal((await troubles()).length, 1)
  assert.deepEqual(await claims(), ['bob builder ab'])
})

test('attack: more signatures than can be verified in reasonable time', async () => {
  const many = Array.from({ length: 400 }, (_, i) => principal(person(`p${i}`)))
  const signatures = Array.from({ length: 16 }, () => ({ keyid: '', signature: new Uint8Array(64) }))
  const lines = Array.from({ length: 10 }, (_, i) =>
    printEnvelope({ payloadType: PAYLOAD_TYPE, payload: Uint8Array.of(i), signatures }),
  )
  const file = publish(first, PATH, ...lines)
  assert.deepEqual((await attestationEvidence(trusting(...many), PATH)).troubles, [
    { origin: file, detail: 'more work to verify it all than a second has' },
  ])
})

test('attack: a crowd of OpenPGP signatures, each of which would need a program to be verified', async () => {
  const fingerprint = 'AB'.repeat(20)
  const key = {
    kind: 'openpgp',
    identity: `openpgp:${fingerprint}`,
    label: fingerprint,
    fingerprint,
    certificate: '/nowhere/it.pgp',
  } as const
  const signature = { keyid: fingerprint, signature: Uint8Array.of(0xc2, 1, 4) }
  const line = (count: number) =>
    printEnvelope({
      payloadType: PAYLOAD_TYPE,
      payload: Uint8Array.of(count),
      signatures: Array.from({ length: count }, () => signature),
    })
  const subject = trusting({ name: 'gina', keys: [key] })
  const file = publish(first, PATH, line(15), line(16))
  assert.deepEqual((await attestationEvidence(subject, PATH)).troubles, [])
  publish(first, PATH, line(1), line(2))
  const { claims, troubles } = await attestationEvidence(subject, PATH)
  assert.deepEqual(claims, [])
  assert.deepEqual(troubles, [{ origin: file, detail: 'more work to verify it all than a second has' }])
})

test('one reader answers for many paths', async () => {
  appendAttestation(first, PATH, built(alice))
  appendAttestation(first, OTHER_PATH, released(bob, { path: OTHER_PATH }))
  const read = attestationReader(policy)
  assert.equal((await read(PATH)).claims[0]?.key, alice.identity)
  assert.equal((await read(OTHER_PATH)).claims[0]?.key, bob.identity)
  assert.deepEqual(await read(DRV), NOTHING)
})

test('asking about something that is not a store path is an error', async () => {
  await assert.rejects(attestationEvidence(policy, '/nix/store/../../etc/shadow'), FormatError)
})
