import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { type HashName, verifySignature } from '../../src/crypto/public-key.ts'
import { pae } from '../../src/formats/in-toto/dsse.ts'
import { printDer } from '../../src/formats/keys/der.ts'
import { parsePemPublicKey } from '../../src/formats/keys/pem.ts'
import { ecdsaKey, type PublicKey } from '../../src/formats/keys/public-key.ts'

const message = Buffer.from('a release')
const keyOf = (publicKey: KeyObject) =>
  parsePemPublicKey(publicKey.export({ type: 'spki', format: 'pem' }).toString())

const ED25519 = generateKeyPairSync('ed25519')
const P256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const P384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const P521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })

const CASES: readonly (readonly [string, { publicKey: KeyObject; privateKey: KeyObject }, HashName])[] = [
  ['Ed25519', ED25519, 'sha512'],
  ['P-256 with SHA-256', P256, 'sha256'],
  ['P-384 with SHA-384', P384, 'sha384'],
  ['P-384 with SHA-256', P384, 'sha256'],
  ['P-521 with SHA-512', P521, 'sha512'],
  ['RSA with SHA-256', RSA, 'sha256'],
  ['RSA with SHA-512', RSA, 'sha512'],
]

for (const [name, pair, hash] of CASES) {
  describe(`a signature by ${name}`, () => {
    const key = keyOf(pair.publicKey)
    const signature = sign(key.kind === 'ed25519' ? null : hash, message, pair.privateKey)

    it('is only good over its message', async () => {
      assert.ok(await verifySignature(key, { message, hash, signature }))
      assert.ok(!(await verifySignature(key, { message: Buffer.from('another'), hash, signature })))
    })

    it('is bad with any byte flipped, shorter, longer or empty', async () => {
      const others = [signature.subarray(1), signature.subarray(0, -1), Buffer.alloc(0)]
      others.push(Buffer.concat([signature, Buffer.of(0)]), Buffer.concat([Buffer.of(0), signature]))
      for (let at = 0; at < signature.length; at += 3) {
        others.push(Buffer.from(signature.map((byte, offset) => (offset === at ? byte ^ 1 : byte))))
      }
      for (const other of others)
        assert.ok(!(await verifySignature(key, { message, hash, signature: other })))
    })

    it('is bad for another key', async () => {
      for (const [, other] of CASES) {
        const otherKey = keyOf(other.publicKey)
        if (other === pair || (otherKey.kind === 'rsa' && hash === 'sha384')) continue
        assert.ok(!(await verifySignature(otherKey, { message, hash, signature })))
      }
    })

    it('is bad with another hash', async () => {
      if (key.kind === 'ed25519') return
      const other = hash === 'sha512' ? 'sha256' : 'sha512'
      assert.ok(!(await verifySignature(key, { message, hash: other, signature })))
    })
  })
}

describe('an ECDSA signature', () => {
  const key = keyOf(P256.publicKey)
  const fixed = sign('sha256', message, { key: P256.privateKey, dsaEncoding: 'ieee-p1363' })
  const integer = (number: Uint8Array) =>
    printDer(0x02, (number[0] ?? 0) >= 0x80 ? Buffer.of(0) : Buffer.of(), number)
  const trimmed = (number: Uint8Array) => number.subarray(number.findIndex(byte => byte !== 0))
  const [r, s] = [trimmed(fixed.subarray(0, 32)), trimmed(fixed.subarray(32))]
  const good = (signature: Uint8Array) => verifySignature(key, { message, hash: 'sha256', signature })

  it('may be in DER or of fixed size, as `encoding` says', async () => {
    assert.ok(await good(printDer(0x30, integer(r), integer(s))))
    assert.ok(await verifySignature(key, { message, hash: 'sha256', signature: fixed, encoding: 'fixed' }))
    assert.ok(!(await good(fixed)))
    const der = printDer(0x30, integer(r), integer(s))
    assert.ok(!(await verifySignature(key, { message, hash: 'sha256', signature: der, encoding: 'fixed' })))
  })

  it('has one spelling in DER', async () => {
    const padded = printDer(0x02, Buffer.of(0, 0), r)
    const long = Buffer.concat([Buffer.of(0x30, 0x81), printDer(0x30, integer(r), integer(s)).subarray(1)])
    assert.ok(!(await good(printDer(0x30, padded, integer(s)))))
    assert.ok(!(await good(long)))
    assert.ok(!(await good(printDer(0x30, integer(r), integer(s), integer(s)))))
    assert.ok(!(await good(Buffer.concat([printDer(0x30, integer(r), integer(s)), Buffer.of(0)]))))
  })

  it('of zeros, of the order and of numbers beyond the curve is bad, not an error', async () => {
    const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
    const beyond = Buffer.alloc(33, 0x7f)
    for (const number of [Buffer.of(0), order, beyond, Buffer.alloc(32, 0xff)]) {
      assert.ok(!(await good(printDer(0x30, integer(number), integer(number)))))
    }
    assert.ok(
      !(await verifySignature(key, {
        message,
        hash: 'sha256',
        signature: new Uint8Array(64),
        encoding: 'fixed',
      })),
    )
  })

  it('is the one that the DSSE specification publishes', async () => {
    const x = 46950820868899156662930047687818585632848591499744589407958293238635476079160n
    const y = 5640078356564379163099075877009565129882514886557779369047442380624545832820n
    const hex = ['04', ...[x, y].map(number => number.toString(16).padStart(64, '0'))].join('')
    const published = ecdsaKey('nistp256', Buffer.from(hex, 'hex'), 'test')
    const signature = Buffer.from(
      'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
      'base64',
    )
    const body = pae('http://example.com/HelloWorld', Buffer.from('hello world'))
    assert.ok(
      await verifySignature(published, { message: body, hash: 'sha256', signature, encoding: 'fixed' }),
    )
  })
})

describe('an RSA signature', () => {
  const key: PublicKey = keyOf(RSA.publicKey)

  it('with the newer padding, PSS, is bad', async () => {
    const signature = sign('sha256', message, { key: RSA.privateKey, padding: 6 })
    assert.ok(!(await verifySignature(key, { message, hash: 'sha256', signature })))
  })

  it('with SHA-384 is not supported', async () => {
    const signature = sign('sha384', message, RSA.privateKey)
    await assert.rejects(verifySignature(key, { message, hash: 'sha384', signature }), TypeError)
  })

  it('of a number not below the modulus is bad, not an error', async () => {
    const signature = new Uint8Array(256).fill(0xff)
    assert.ok(!(await verifySignature(key, { message, hash: 'sha256', signature })))
  })
})

it('Ed25519 is verified by libsodium, which refuses what node:crypto accepts', async () => {
  const identity = Buffer.alloc(32)
  identity[0] = 1
  const signature = Buffer.concat([identity, Buffer.alloc(32)])
  assert.ok(
    !(await verifySignature(
      { kind: 'ed25519', publicKey: identity },
      { message, hash: 'sha512', signature },
    )),
  )
})
