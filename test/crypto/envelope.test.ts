import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type KeyRing, keyRing, openEnvelope, openingCost, signEnvelope } from '../../src/crypto/envelope.ts'
import { openWork, WorkLimitError } from '../../src/crypto/work.ts'
import { type Envelope, PAYLOAD_TYPE, pae, parseEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { printPemPublicKey } from '../../src/formats/keys/pem.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import type { Ed25519Key } from '../../src/policy/policy.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair, signEd25519 } from '../../src/primitives/sodium.ts'

const PAYLOAD = new Uint8Array(Buffer.from('{"what":"ever"}'))

/** A person's key pair, always the same, as a policy lists it. */
function person(name: string) {
  const pair = ed25519KeyPair(Buffer.alloc(32, name))
  const key: Ed25519Key = {
    kind: 'ed25519',
    form: 'nix',
    identity: `ed25519:${toHex(pair.publicKey)}`,
    label: name,
    publicKey: pair.publicKey,
  }
  return { ...key, secretKey: pair.secretKey }
}
const alice = person('alice')
const bob = person('bob')
const mallory = person('mallory')
const ring = keyRing([alice, bob])

interface Part {
  readonly by: ReturnType<typeof person>
  readonly keyid: string
  readonly over?: Uint8Array
}

/**
 * An envelope around PAYLOAD, signed by these people with key ids of their choice, possibly over
 * something else.
 */
function envelope(...parts: readonly Part[]): Envelope {
  const signatures = parts.map(({ by, keyid, over }) => ({
    keyid,
    signature: signEd25519(over ?? pae(PAYLOAD_TYPE, PAYLOAD), by.secretKey),
  }))
  return { payloadType: PAYLOAD_TYPE, payload: PAYLOAD, signatures }
}

const idOf = (key: Ed25519Key) => sshFingerprint(key.publicKey)

/** The names of the signers and the problems of key ids in an opened envelope. */
async function opened(subject: Envelope, keys = ring) {
  const { signers, strays } = await openEnvelope(subject, keys)
  return { signers: signers.map(({ key }) => key.label), strays: strays.map(stray => stray.problem) }
}

test('an envelope opens with the key that signed it', async () => {
  const subject = parseEnvelope(signEnvelope(PAYLOAD, alice))
  assert.deepEqual(subject.payload, PAYLOAD)
  assert.deepEqual(
    subject.signatures.map(signature => signature.keyid),
    [idOf(alice)],
  )
  assert.deepEqual(await opened(subject), { signers: ['alice'], strays: [] })
})

test('node:crypto verifies our signatures', async () => {
  const [signature] = parseEnvelope(signEnvelope(PAYLOAD, alice)).signatures
  assert.ok(signature)
  const key = createPublicKey(printPemPublicKey(alice.publicKey))
  assert.ok(verify(null, pae(PAYLOAD_TYPE, PAYLOAD), key, signature.signature))
})

test('an absent or unknown key id: every key is tried', async () => {
  for (const keyid of ['', 'whoever', idOf(mallory)]) {
    assert.deepEqual(await opened(envelope({ by: bob, keyid })), { signers: ['bob'], strays: [] })
  }
})

test('signatures of several people', async () => {
  const subject = envelope({ by: alice, keyid: idOf(alice) }, { by: bob, keyid: '' })
  assert.deepEqual(await opened(subject), { signers: ['alice', 'bob'], strays: [] })
})

test('attack: an outsider signs with the key id of a listed key', async () => {
  assert.deepEqual(await opened(envelope({ by: mallory, keyid: idOf(alice) })), {
    signers: [],
    strays: ['bad-signature'],
  })
})

test('attack: an outsider signs with their own key id, or none', async () => {
  for (const keyid of [idOf(mallory), '']) {
    assert.deepEqual(await opened(envelope({ by: mallory, keyid })), {
      signers: [],
      strays: ['unknown-signer'],
    })
  }
})

test('attack: an outsider adds a signature to an envelope of a listed key', async () => {
  const subject = envelope({ by: mallory, keyid: '' }, { by: alice, keyid: idOf(alice) })
  assert.deepEqual(await opened(subject), { signers: ['alice'], strays: ['unknown-signer'] })
})

test('attack: one key signs many times with many key ids and is one signer', async () => {
  const keyids = ['', 'alice-1', 'alice-2', idOf(alice), idOf(mallory)]
  const subject = envelope(...keyids.map(keyid => ({ by: alice, keyid })))
  assert.deepEqual(await opened(subject), { signers: ['alice'], strays: [] })
})

test('attack: one key listed with two names is one signer', async () => {
  const twice = keyRing([alice, { ...alice, label: 'alice’s other name', form: 'ssh' }])
  const subject = envelope({ by: alice, keyid: '' }, { by: alice, keyid: idOf(alice) })
  assert.deepEqual(await opened(subject, twice), { signers: ['alice'], strays: [] })
})

test('attack: a signature over the payload alone, or over another payload type', async () => {
  for (const over of [PAYLOAD, pae('application/json', PAYLOAD), pae(PAYLOAD_TYPE, Buffer.from('{}'))]) {
    assert.deepEqual(await opened(envelope({ by: alice, keyid: idOf(alice), over })), {
      signers: [],
      strays: ['bad-signature'],
    })
  }
})

test('attack: any changed bit of the payload or the signature', async () => {
  const [whole] = envelope({ by: alice, keyid: idOf(alice) }).signatures
  assert.ok(whole)
  for (let bit = 0; bit < 512; bit++) {
    const signature = whole.signature.slice()
    signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const subject: Envelope = { ...envelope(), signatures: [{ ...whole, signature }] }
    assert.deepEqual((await opened(subject)).signers, [], `bit ${bit} of the signature`)
  }
  const payload = PAYLOAD.slice()
  payload[3] = (payload[3] ?? 0) ^ 1
  assert.deepEqual((await opened({ ...envelope(), payload, signatures: [whole] })).signers, [])
})

test('attack: any changed character of a line opens nothing, or the same payload', async () => {
  const line = signEnvelope(PAYLOAD, alice)
  const positions = fc.nat({ max: line.length - 1 })
  await fc.assert(
    fc.asyncProperty(positions, fc.string({ unit: 'binary-ascii', maxLength: 2 }), async (at, text) => {
      const changed = line.slice(0, at) + text + line.slice(at + 1)
      try {
        const subject = parseEnvelope(changed)
        if ((await opened(subject)).signers.length > 0) assert.deepEqual(subject.payload, PAYLOAD)
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})

test('attack: signatures of the wrong length', async () => {
  for (const length of [0, 32, 63, 65, 128]) {
    const signatures = [{ keyid: idOf(alice), signature: new Uint8Array(length) }]
    assert.deepEqual(await opened({ ...envelope(), signatures }), { signers: [], strays: ['bad-signature'] })
  }
})

test('attack: the identity point as key, for which node:crypto accepts one signature over every message', async () => {
  const identity = Uint8Array.of(1, ...new Uint8Array(31))
  const signature = Uint8Array.of(1, ...new Uint8Array(63))
  const nodeAccepts = verify(
    null,
    pae(PAYLOAD_TYPE, PAYLOAD),
    createPublicKey(printPemPublicKey(identity)),
    signature,
  )
  assert.ok(nodeAccepts, 'the trap that this test is about is gone')
  const nobody = keyRing([{ ...alice, publicKey: identity, label: 'nobody' }])
  for (const keyid of ['', sshFingerprint(identity)]) {
    const { signers } = await openEnvelope({ ...envelope(), signatures: [{ keyid, signature }] }, nobody)
    assert.deepEqual(signers, [])
  }
})

test('minisign keys sign files and open no envelope', async () => {
  const files = keyRing([{ ...alice, form: 'minisign' }])
  assert.deepEqual(await opened(envelope({ by: alice, keyid: idOf(alice) }), files), {
    signers: [],
    strays: ['unknown-signer'],
  })
})

test('a key that is listed in form minisign and in another opens envelopes in the other form', async () => {
  const both = keyRing([
    { ...alice, form: 'minisign', label: 'files' },
    { ...alice, label: 'envelopes' },
  ])
  assert.deepEqual((await opened(envelope({ by: alice, keyid: '' }), both)).signers, ['envelopes'])
})

/** The cost of opening an envelope. */
async function workFor(subject: Envelope, keys: KeyRing): Promise<number> {
  let spent = 0
  const spend = async (units: number) => {
    spent += units
  }
  await openEnvelope(subject, keys, { spend })
  return spent
}

test('a key id that names a listed key costs one verification, any other at most one per key', async () => {
  for (const [keyid, cost] of [
    [idOf(bob), 1],
    ['', 2],
  ] as const) {
    const subject = envelope({ by: mallory, keyid })
    assert.equal(await workFor(subject, ring), cost)
    assert.equal(openingCost(subject, ring), cost)
  }
})

test('each verification hashes the whole message, and costs by its length', async () => {
  const subject = { ...envelope({ by: mallory, keyid: '' }), payload: new Uint8Array(160 * 1024) }
  assert.equal(await workFor(subject, ring), 2 * (1 + 10))
  assert.equal(openingCost(subject, ring), 2 * (1 + 10))
})

test('nothing is verified beyond the work limit', async () => {
  const subject = envelope({ by: alice, keyid: '' })
  await assert.rejects(openEnvelope(subject, ring, openWork(0)), WorkLimitError)
})

test('an empty ring opens nothing', async () => {
  assert.deepEqual((await opened(envelope({ by: alice, keyid: '' }), keyRing([]))).signers, [])
})
