/**
 * A stranger's input costs little to check, however large it is and however many keys are listed.
 * Work is counted, not timed.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import sodium from 'sodium-native'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { openWork, parsingCost, WorkLimitError } from '../../src/crypto/work.ts'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { attestationEvidence } from '../../src/evidence/attestations.ts'
import { storeSignatureEvidence } from '../../src/evidence/store-signatures.ts'
import { PAYLOAD_TYPE, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { RELEASE, releaseJson } from '../../src/formats/in-toto/predicates/release.ts'
import { printStatement } from '../../src/formats/in-toto/statement.ts'
import { narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import type { Ed25519Key, Policy } from '../../src/policy/policy.ts'
import { toBase64 } from '../../src/primitives/base64.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair, signEd25519 } from '../../src/primitives/sodium.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12'
const HASH = 'ab'.repeat(32)
/** Units of work in a second, and bytes that are hashed in the time of one unit. */
const SECOND = 20_000
const HASHED = 16 * 1024

const people = Array.from({ length: 100 }, (_, index) => ed25519KeyPair(Buffer.alloc(32, `person ${index}`)))
const [genuine = ed25519KeyPair(new Uint8Array(32))] = people
const keyid = sshFingerprint(genuine.publicKey)

function trusting(count: number, directory: string): Policy {
  const principals = people.slice(0, count).map(({ publicKey }, index): [string, object] => {
    const identity = `ed25519:${toHex(publicKey)}`
    const key: Ed25519Key = {
      kind: 'ed25519',
      form: 'nix',
      identity,
      label: `p${index}`,
      publicKey,
      name: `p${index}`,
    }
    return [`p${index}`, { name: `p${index}`, keys: [key] }]
  })
  return {
    principals: new Map(principals),
    groups: new Map(),
    attestations: [directory],
    lists: new Map(),
    developers: [],
  } as unknown as Policy
}

/** Counts the work that an action spends on verifying, in units, and the bytes that it hashes. */
async function unitsOf<T>(work: () => Promise<T>): Promise<{ readonly units: number; readonly value: T }> {
  const { crypto_sign_verify_detached: verify } = sodium
  let units = 0
  sodium.crypto_sign_verify_detached = (signature, message, key) => {
    units += 1 + message.byteLength / HASHED
    return verify(signature, message, key)
  }
  try {
    return { value: await work(), units }
  } finally {
    sodium.crypto_sign_verify_detached = verify
  }
}

function directoryWith(t: TestContext | undefined, lines: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-work-'))
  t?.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = attestationFile(directory, PATH)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, lines.map(line => `${line}\n`).join(''))
  return directory
}

const released = signEnvelope(
  printStatement({
    subjects: [{ name: PATH, narHash: HASH }],
    predicateType: RELEASE,
    predicate: releaseJson('pkg:generic/hello@2.12'),
  }),
  genuine,
)

/** An envelope by nobody: its signature is well-formed, and none of its points has small order. */
function rubbish(bytes: number, keyids: readonly string[], serial = 0): string {
  const signature = signEd25519(Uint8Array.of(serial), ed25519KeyPair(Buffer.alloc(32, 'mallory')).secretKey)
  const payload = new Uint8Array(bytes)
  payload.set([serial, serial >> 8].slice(0, bytes))
  const signatures = keyids.map(each => ({ keyid: each, signature }))
  return printEnvelope({ payloadType: PAYLOAD_TYPE, payload, signatures })
}

/** Sixteen mebibytes from a stranger, and one line that counts. */
const HUGE = Array.from({ length: 15 }, (_, index) => rubbish(700_000, Array(16).fill(''), index))

for (const count of [1, 100]) {
  test(`attack: a stranger's sixteen mebibytes cost no more than a second's work with ${count} keys`, async t => {
    const directory = directoryWith(t, [...HUGE, released])
    const { units, value } = await unitsOf(() => attestationEvidence(trusting(count, directory), PATH))
    assert.ok(units <= SECOND, `${units} units`)
    assert.ok(count === 1 || units > SECOND / 10, 'what can be looked at is')
    assert.deepEqual(
      value.claims.map(({ narHash }) => narHash),
      [HASH],
      'the genuine line was looked at first',
    )
    const troubles = value.troubles.map(({ detail }) => detail)
    assert.deepEqual(troubles, count === 1 ? [] : ['more work to verify it all than a second has'])
  })
}

test('attack: rubbish in the name of a listed key does not hide a genuine line', async t => {
  const lines = Array.from({ length: 15 }, (_, index) =>
    rubbish(700_000, [keyid, ...Array(15).fill('')], index),
  )
  const directory = directoryWith(t, [...lines, released])
  const { claims } = await attestationEvidence(trusting(100, directory), PATH)
  assert.equal(claims.length, 1)
})

test('other work runs while a file is verified', async t => {
  const directory = directoryWith(t, HUGE)
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const { units } = await unitsOf(() => attestationEvidence(trusting(100, directory), PATH))
  isOver = true
  assert.ok(turns >= units / 200, `${turns} turns in ${units} units`)
})

test('any file, with any number of keys listed: at most a second, and a genuine line is found', async () => {
  const line = fc.record({
    bytes: fc.oneof(fc.nat(500), fc.nat(60_000)),
    keyids: fc.array(fc.constantFrom('', keyid, 'SHA256:nobody'), { minLength: 1, maxLength: 16 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.constantFrom(1, 10, 100), async (lines, count) => {
      const written = lines.map(({ bytes, keyids }, serial) => rubbish(bytes, keyids, serial))
      const directory = directoryWith(undefined, [...written, released])
      try {
        const { units, value } = await unitsOf(() => attestationEvidence(trusting(count, directory), PATH))
        assert.ok(units <= SECOND, `${units} units`)
        assert.equal(value.claims.length, 1)
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    }),
    { numRuns: 12, interruptAfterTimeLimit: 20_000, endOnFailure: true },
  )
})

test('attack: a narinfo with as many references and signatures as there is room for', async () => {
  const references = Array.from({ length: 9000 }, (_, index) => {
    const digest = String(index).padStart(32, '0')
    return `/nix/store/${digest}-${'x'.repeat(60)}`
  })
  const signed = { path: PATH, narHash: HASH, narSize: 1, references, signatures: [] }
  const message = Buffer.from(narFingerprint(signed))
  const forged = Array.from(
    { length: 255 },
    (_, index) => `p1:${toBase64(new Uint8Array(64).fill(index % 16))}`,
  )
  const good = printNixSignature({ name: 'p0', signature: signEd25519(message, genuine.secretKey) })
  const { units, value } = await unitsOf(async () =>
    storeSignatureEvidence(
      trusting(100, '/nowhere'),
      { ...signed, signatures: [...forged, good] },
      'a cache',
    ),
  )
  assert.ok(units <= 4000, `${units} units`)
  assert.match(JSON.stringify(value.strays), /would take too long/)
})

test('signatures by listed keys are found among forgeries in their names', async () => {
  const signed = { path: PATH, narHash: HASH, narSize: 1, references: [], signatures: [] }
  const message = Buffer.from(narFingerprint(signed))
  const forged = Array.from({ length: 200 }, (_, index) => `p1:${toBase64(new Uint8Array(64).fill(index))}`)
  const good = printNixSignature({ name: 'p0', signature: signEd25519(message, genuine.secretKey) })
  const { units, value } = await unitsOf(async () =>
    storeSignatureEvidence(
      trusting(100, '/nowhere'),
      { ...signed, signatures: [...forged, good] },
      'a cache',
    ),
  )
  assert.equal(value.claims.length, 1)
  assert.ok(units <= 4200, `${units} units`)
})

test('work ends when the limit is used up, and not before', async () => {
  const work = openWork(10)
  for (let count = 0; count < 10; count++) await work.spend(1)
  await work.spend(0)
  await assert.rejects(work.spend(1), WorkLimitError)
})

test('attack: a text made only of escapes is counted as more than its bytes', () => {
  const plain = `{"payload":"${'a'.repeat(1_000_000)}"}`
  const escaped = `{"payload":"${'\\n'.repeat(500_000)}"}`
  assert.equal(parsingCost(plain), 245)
  assert.ok(parsingCost(escaped) > 2500)
  assert.ok(16 * parsingCost(escaped) > SECOND, 'sixteen lines of these are more than a path may cost')
})
