// The keys in OpenPGP certificates: each belongs to one person, in whatever form it is listed a
// second time.
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { printPemPublicKey } from '../../../src/formats/keys/pem.ts'
import { ecdsaKey, rsaKey } from '../../../src/formats/keys/public-key.ts'
import { parseKeyPacket } from '../../../src/formats/openpgp/key-packet.ts'
import { printSshPublicKey } from '../../../src/formats/ssh/key.ts'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { toBase64 } from '../../../src/primitives/base64.ts'
import {
  binding,
  certificate,
  FLAGS,
  flags,
  keyOfSeed,
  makeKey,
  mpi,
  packet,
  subkeyPacket,
  userId,
} from '../../support/openpgp-maker.ts'
import { sourceOf } from '../policies.ts'

const CREATED = Date.UTC(2020, 0) / 1000
const MADE = { created: CREATED, subpackets: [flags(FLAGS.certify | FLAGS.sign)] }

interface Listed {
  readonly fingerprint: string
  readonly file: Uint8Array
}

/** The problems of a policy that lists these keys of alice and bob: text, or certificates. */
function problems(alice: readonly (string | Listed)[], bob: readonly (string | Listed)[]): string {
  const files = new Map<string, Uint8Array>()
  const written = (key: string | Listed) => {
    if (typeof key === 'string') return JSON.stringify(key)
    const path = `/certificates/${files.size}.pgp`
    files.set(path, key.file)
    return `{ openpgp = "${key.fingerprint}", certificate = "${path}" }`
  }
  const [ofAlice, ofBob] = [alice, bob].map(keys => `[${keys.map(written).join(', ')}]`)
  const toml = `version = 1
mode = "enforce"
principals.alice.keys = ${ofAlice}
principals.bob.keys = ${ofBob}
default.require = { source = "alice", derivation = "alice", output = "bob" }
`
  try {
    parsePolicy({ ...sourceOf(toml), certificate: path => files.get(path) ?? assert.fail() })
    return ''
  } catch (error) {
    if (error instanceof PolicyError) return error.message
    throw error
  }
}

/** A certificate with a key packet of any algorithm, of which nothing verifies. */
function listed(body: Uint8Array, ...subkeys: readonly Uint8Array[]): Listed {
  const file = Buffer.concat([
    packet(6, Buffer.from(body)),
    ...subkeys.map(each => packet(14, Buffer.from(each))),
  ])
  return { fingerprint: parseKeyPacket(body).fingerprint, file }
}

const keyBody = (algorithm: number, material: Uint8Array, created = CREATED, version: 4 | 6 = 4) => {
  const head = Buffer.alloc(6)
  head.writeUInt8(version)
  head.writeUInt32BE(created, 1)
  head.writeUInt8(algorithm, 5)
  const size = Buffer.alloc(version === 6 ? 4 : 0)
  if (version === 6) size.writeUInt32BE(material.length)
  return Buffer.concat([head, size, material])
}

const jwkOf = (key: KeyObject) => {
  const { n, e, x, y } = createPublicKey(key).export({ format: 'jwk' })
  const bytes = (text?: string) => Buffer.from(text ?? '', 'base64url')
  return { n: bytes(n), e: bytes(e), x: bytes(x), y: bytes(y) }
}
const withOid = (oid: string, point: Uint8Array) =>
  Buffer.concat([Buffer.of(oid.length / 2), Buffer.from(oid, 'hex'), mpi(Buffer.from(point))])

const ED25519 = keyOfSeed(CREATED, 'anybody')
const raw = jwkOf(ED25519.secret).x
const EDDSA_OID = '2b06010401da470f01'
const legacy = withOid(EDDSA_OID, Buffer.concat([Buffer.of(0x40), raw]))
const ecdsa = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const point = Buffer.concat([Buffer.of(4), ecdsa.x, ecdsa.y])
const p256 = withOid('2a8648ce3d030107', point)
const rsa = jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const rsaMaterial = Buffer.concat([mpi(rsa.n), mpi(rsa.e)])
/** Of the right sizes, and short, so that they pass the other checks. */
const DSA = {
  p: Buffer.alloc(128, 9),
  q: Buffer.alloc(20, 0xc7),
  g: Buffer.alloc(128, 5),
  y: Buffer.alloc(128, 3),
}
const other = keyBody(27, Buffer.alloc(32, 9))

/** One key in every form that a policy or a certificate has for it. */
const FORMS: Readonly<Record<string, readonly (string | Listed)[]>> = {
  Ed25519: [
    `it-1:${toBase64(raw)}`,
    printSshPublicKey(raw, ''),
    printPemPublicKey({ kind: 'ed25519', publicKey: raw }),
    listed(keyBody(22, legacy)),
    listed(keyBody(22, legacy, CREATED + 1)),
    listed(keyBody(22, withOid('2b6570', Buffer.concat([Buffer.of(0x40), raw])))),
    listed(keyBody(27, raw)),
    listed(keyBody(27, raw, CREATED, 6)),
    listed(other, keyBody(22, legacy)),
    listed(keyBody(27, Buffer.alloc(32, 11)), keyBody(27, Buffer.alloc(32, 12)), keyBody(27, raw)),
  ],
  ECDSA: [
    printSshPublicKey(ecdsaKey('nistp256', point, 'test'), ''),
    printPemPublicKey(ecdsaKey('nistp256', point, 'test')),
    listed(keyBody(19, p256)),
    listed(keyBody(18, Buffer.concat([p256, Buffer.from('03010807', 'hex')]))),
    listed(other, keyBody(19, p256)),
  ],
  RSA: [
    printSshPublicKey(rsaKey(rsa.n, rsa.e, 'test'), ''),
    printPemPublicKey(rsaKey(rsa.n, rsa.e, 'test')),
    listed(keyBody(1, rsaMaterial)),
    listed(keyBody(3, rsaMaterial)),
    listed(keyBody(1, Buffer.concat([padded(rsa.n), mpi(rsa.e), Buffer.of(1, 2, 3)]))),
    listed(keyBody(1, Buffer.concat([mpi(rsa.n), mpi(Buffer.of(3))]))),
    listed(other, keyBody(1, rsaMaterial)),
  ],
}

/** A number with a leading zero. */
function padded(number: Buffer): Buffer {
  const bits = Buffer.alloc(2)
  bits.writeUInt16BE(8 * (number.length + 1))
  return Buffer.concat([bits, Buffer.of(0), number])
}

describe('a key that two people have in two forms is an error', () => {
  for (const [name, forms] of Object.entries(FORMS)) {
    it(`for any two forms of ${name}, in either order`, () => {
      for (const [index, one] of forms.entries()) {
        for (const another of forms.slice(index + 1)) {
          for (const [alice, bob] of [
            [one, another],
            [another, one],
          ] as const) {
            assert.match(problems([alice], [bob]), /principals\.bob\.keys\[1\].*the same key as/s)
          }
        }
      }
    })

    it(`but one person may have ${name} in two certificates, or in one and as text`, () => {
      const certificates = forms.filter(form => typeof form !== 'string')
      const [text = ''] = forms.filter(form => typeof form === 'string')
      const free = 'free-1:2vseemEFAOo0MO7aenTrcX7BNFQzgL4gkzpQ7p9KsvU='
      for (const one of certificates.slice(0, 2)) {
        assert.equal(problems([one, text], [free]), '')
        assert.equal(problems([text, one], [free]), '')
      }
      assert.equal(problems(certificates.slice(0, 2), [free]), '')
    })
  }

  it('attack: one subkey that is bound to the keys of three people fills three seats', () => {
    const subkey = makeKey(CREATED)
    const [a, b] = ['a', 'b'].map(name => {
      const key = keyOfSeed(CREATED, name)
      const bound = [subkeyPacket(subkey), binding(key, subkey, MADE)]
      return { fingerprint: key.fingerprint, file: certificate(key, userId(key, name, MADE), ...bound) }
    })
    assert.ok(a && b)
    const told = problems([a], [b])
    assert.match(
      told,
      new RegExp(`key ${subkey.fingerprint} in the certificate is the same key as one of alice`),
    )
    const itself = { fingerprint: subkey.fingerprint, file: certificate(subkey, userId(subkey, 's', MADE)) }
    assert.match(problems([b], [itself]), /is the same key as one of alice/)
  })

  it('attack: a shared subkey for encryption, of DSA, of an unknown algorithm, or unbound, is reported as well', () => {
    for (const body of [
      keyBody(25, Buffer.alloc(32, 5)),
      keyBody(17, Buffer.concat([DSA.p, DSA.q, DSA.g, DSA.y].map(mpi))),
      keyBody(28, Buffer.concat([Buffer.alloc(56, 5), Buffer.of(0x80)])),
      keyBody(26, Buffer.alloc(56, 5)),
      keyBody(99, Buffer.alloc(50, 5)),
    ]) {
      const [one, another] = [1, 2].map(seed => listed(keyBody(27, Buffer.alloc(32, seed + 20)), body))
      assert.ok(one && another)
      assert.match(problems([one], [another]), /is the same key as one of alice/)
    }
  })

  it("property: adding another person's key anywhere in any certificate is an error", () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 })
    fc.assert(
      fc.property(names, fc.nat(4), fc.boolean(), ([shared = '', ...rest], at, isCopied) => {
        const key = keyOfSeed(CREATED, shared)
        const [mine = '', ...more] = rest
        const own = keyOfSeed(CREATED, mine)
        const parts = [userId(own, mine, MADE), ...more.map(name => subkeyPacket(keyOfSeed(CREATED, name)))]
        const copy = isCopied ? certificate(own) : Buffer.alloc(0)
        const file = certificate(own, ...parts.toSpliced(at, 0, copy, subkeyPacket(key)))
        const theirs = { fingerprint: key.fingerprint, file: certificate(key) }
        assert.match(
          problems([theirs], [{ fingerprint: own.fingerprint, file }]),
          /is the same key as one of alice/,
        )
      }),
      { numRuns: 100 },
    )
  })
})

describe('a certificate file of a policy', () => {
  const alice = keyOfSeed(CREATED, 'alice')
  const bob = keyOfSeed(CREATED, 'bob')
  const [ofAlice, ofBob] = [certificate(alice), certificate(bob)]
  const ring = Buffer.concat([ofAlice, ofBob, ofAlice])

  it('may hold those of several people, and copies', () => {
    const [one, other] = [alice, bob].map(({ fingerprint }) => ({ fingerprint, file: ring }))
    assert.ok(one && other)
    assert.equal(problems([one], [other]), '')
  })

  it('must contain the certificate with the fingerprint in the policy', () => {
    const wrong = { fingerprint: bob.fingerprint, file: ofAlice }
    const reason = new RegExp(`certificate: has no certificate with the fingerprint ${bob.fingerprint}`)
    assert.match(problems([`a-1:${toBase64(raw)}`], [wrong]), reason)
    const subkey = { fingerprint: bob.fingerprint, file: certificate(alice, subkeyPacket(bob)) }
    assert.match(problems([`a-1:${toBase64(raw)}`], [subkey]), reason)
  })

  it('must only contain public keys, in one spelling each, that not everybody can use', () => {
    const text = `a-1:${toBase64(raw)}`
    const wrong = (file: Uint8Array, reason: RegExp) =>
      assert.match(problems([text], [{ fingerprint: alice.fingerprint, file }]), reason)
    wrong(
      Buffer.concat([ofAlice, packet(7, alice.body)]),
      /holds a secret key, and must hold public ones alone/,
    )
    wrong(packet(5, alice.body), /holds a secret key/)
    wrong(Buffer.alloc(0), /no armoured block/)
    wrong(Buffer.from('certificate'), /no armoured block/)
    const compressed = withOid('2a8648ce3d030107', Buffer.concat([Buffer.of(2), ecdsa.x]))
    wrong(
      Buffer.concat([ofAlice, packet(14, keyBody(19, compressed))]),
      /not an uncompressed point of nistp256/,
    )
    const small = Buffer.concat([Buffer.of(0x40, 1), Buffer.alloc(31)])
    wrong(
      Buffer.concat([ofAlice, packet(14, keyBody(22, withOid(EDDSA_OID, small)))]),
      /anybody could sign for it/,
    )
    wrong(Buffer.concat([ofAlice, packet(14, keyBody(1, Buffer.of(8, 0, 1)))]), /breaks off/)
  })
})
