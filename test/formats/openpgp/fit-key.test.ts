// Which spelling of a key is accepted, and which keys are refused because anybody could sign for
// them.
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, getDiffieHellman } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { certificateFingerprints, findCertificate } from '../../../src/crypto/openpgp/certificate.ts'
import { fitMaterialOf } from '../../../src/formats/openpgp/fit-key.ts'
import { parseKeyPacket } from '../../../src/formats/openpgp/key-packet.ts'
import { fromHex, toHex } from '../../../src/primitives/hex.ts'
import { certificate, keyOfSeed, mpi, packet } from '../../support/openpgp-maker.ts'
import { refuses } from '../../support/refuses.ts'

const OIDS = {
  nistp256: '2a8648ce3d030107',
  nistp384: '2b81040022',
  nistp521: '2b81040023',
  secp256k1: '2b8104000a',
  brainpoolP256r1: '2b2403030208010107',
  brainpoolP384r1: '2b240303020801010b',
  brainpoolP512r1: '2b240303020801010d',
  ed25519: '2b06010401da470f01',
  'ed25519 of RFC 8410': '2b6570',
}
const NODE_NAMES = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' } as const
const CREATED = Date.UTC(2020, 0) / 1000

const key = (algorithm: number, ...material: readonly Uint8Array[]) =>
  parseKeyPacket(Buffer.concat([Buffer.of(4, 0, 0, 0, 0, algorithm), ...material]))
const onCurve = (algorithm: number, oid: Uint8Array, number: Uint8Array) =>
  key(algorithm, Buffer.of(oid.length), oid, number)
const hex = (text: string) => Buffer.from(text, 'hex')
/** With leading zeros, which our own printers never write. */
const written = (bytes: Uint8Array) => {
  const bits = Buffer.alloc(2)
  bits.writeUInt16BE(8 * bytes.length)
  return Buffer.concat([bits, bytes])
}

function pointOn(curve: string): Buffer {
  const namedCurve = NODE_NAMES[curve as keyof typeof NODE_NAMES] ?? curve
  const der = generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'der' })
  const size = { nistp521: 66, nistp384: 48, brainpoolP384r1: 48, brainpoolP512r1: 64 }[curve] ?? 32
  return der.subarray(-1 - 2 * size)
}

const raw = createPublicKey(keyOfSeed(CREATED, 'honest').secret)
  .export({ type: 'spki', format: 'der' })
  .subarray(-32)
const native = (point: Uint8Array) => mpi(Buffer.concat([Buffer.of(0x40), point]))
const isEdwards = (curve: string) => curve.startsWith('ed')
const numberOn = (curve: string) => (isEdwards(curve) ? native(raw) : mpi(pointOn(curve)))
const algorithmOf = (curve: string) => (isEdwards(curve) ? 22 : 19)

describe('a key on a curve', () => {
  it('is the same key with each OID of the curve', () => {
    for (const [curve, oid] of Object.entries(OIDS)) {
      const material = fitMaterialOf(onCurve(algorithmOf(curve), hex(oid), numberOn(curve)))
      assert.equal(material.kind, isEdwards(curve) ? 'ed25519' : 'point')
      if (material.kind === 'ed25519') assert.deepEqual(Buffer.from(material.publicKey), raw)
      if (material.kind === 'point') assert.equal(material.curve, curve)
    }
  })

  it('attack: an OID with a needless 0x80 in any place is refused', () => {
    for (const [curve, oid] of Object.entries(OIDS)) {
      const number = numberOn(curve)
      for (let at = 0; at <= oid.length; at += 2) {
        const padded = hex(`${oid.slice(0, at)}80${oid.slice(at)}`)
        refuses(
          () => fitMaterialOf(onCurve(algorithmOf(curve), padded, number)),
          new RegExp(`a curve by an OID that is not known in this form: ${toHex(padded)} \\([0-9A-F]{40}\\)`),
        )
      }
    }
  })

  it('property: any other OID is refused, so that one key has one spelling', () => {
    const near = fc
      .tuple(fc.constantFrom(...Object.values(OIDS)), fc.nat(8), fc.uint8Array({ maxLength: 3 }), fc.nat(2))
      .map(([oid, at, bytes, gone]) => [...hex(oid)].toSpliced(at, gone, ...bytes))
    const known = [...Object.values(OIDS), '2b060104019755010501', '2b656e', '2b656f', '2b6571']
    fc.assert(
      fc.property(near, fc.constantFrom(18, 19, 22), (bytes, algorithm) => {
        const oid = Uint8Array.from(bytes)
        fc.pre(!known.includes(toHex(oid)))
        refuses(() => fitMaterialOf(onCurve(algorithm, oid, native(raw))), /an OID that is not known/)
      }),
    )
  })

  it('attack: an algorithm that does not belong to the curve is refused', () => {
    refuses(() => fitMaterialOf(onCurve(19, hex(OIDS.ed25519), native(raw))), /algorithm 19 has no keys on/)
    refuses(() => fitMaterialOf(onCurve(18, hex('2b6570'), native(raw))), /algorithm 18 has no keys on/)
    refuses(() => fitMaterialOf(onCurve(22, hex('2b656e'), native(raw))), /algorithm 22 has no keys on/)
    const p256 = mpi(pointOn('nistp256'))
    refuses(() => fitMaterialOf(onCurve(22, hex(OIDS.nistp256), p256)), /algorithm 22 has no keys on nist/)
  })

  it('attack: a point that is compressed, hybrid, longer, or preceded by zeros is refused', () => {
    for (const [curve, oid] of Object.entries(OIDS).filter(([name]) => !isEdwards(name))) {
      const point = pointOn(curve)
      const sign = (point.at(-1) ?? 0) & 1
      const wrong = (...bytes: readonly (Uint8Array | number)[]) =>
        refuses(
          () => fitMaterialOf(onCurve(19, hex(oid), written(Buffer.concat(bytes.map(part))))),
          new RegExp(`not an? (uncompressed )?point of ${curve}`),
        )
      wrong(2 + sign, point.subarray(1, 1 + (point.length - 1) / 2))
      wrong(6 + sign, point.subarray(1))
      wrong(point, 0)
      wrong(0, point)
      wrong(point.subarray(0, -1), ((point.at(-1) ?? 0) + 1) & 0xff)
      wrong(4, Buffer.alloc(point.length - 1))
    }
  })

  it('attack: a coordinate that is not reduced is refused', () => {
    const point = pointOn('nistp521')
    const more = BigInt(`0x${point.subarray(1, 67).toString('hex')}`) + 2n ** 521n - 1n
    const x = hex(more.toString(16).padStart(132, '0'))
    const unreduced = written(Buffer.concat([Buffer.of(4), x, point.subarray(67)]))
    refuses(() => fitMaterialOf(onCurve(19, hex(OIDS.nistp521), unreduced)), /not a point of nistp521/)
  })

  it('attack: an Ed25519 point without 0x40, or with zeros around that, is refused', () => {
    // libgcrypt reads an odd number of bytes that begins with 0x40 as a point with a prefix.
    const ambiguous = Buffer.concat([Buffer.of(0x40), raw.subarray(0, 30)])
    const forms = [
      raw,
      ambiguous,
      Buffer.concat([Buffer.of(0, 0x40), raw]),
      Buffer.concat([Buffer.of(4), raw, raw]),
    ]
    for (const form of [...forms, Buffer.of()]) {
      for (const oid of [OIDS.ed25519, '2b6570']) {
        refuses(
          () => fitMaterialOf(onCurve(22, hex(oid), written(form))),
          /not a point in the form of ed25519, behind 0x40/,
        )
      }
    }
  })
})

function part(bytes: Uint8Array | number): Uint8Array {
  return typeof bytes === 'number' ? Buffer.of(bytes) : bytes
}

const ZEROS = '00'.repeat(30)
const ONES = 'ff'.repeat(30)
const WEAK = /not a canonical point of large order: anybody could sign for it/
const P = getDiffieHellman('modp14').getPrime()
const q = hex(((BigInt(`0x${P.toString('hex')}`) - 1n) / 2n).toString(16))
const four = Buffer.of(4)
const minus = (number: number) => hex((BigInt(`0x${P.toString('hex')}`) - BigInt(number)).toString(16))
const plus = (number: number) => hex((BigInt(`0x${P.toString('hex')}`) + BigInt(number)).toString(16))
const dsa = (...numbers: readonly Buffer[]) => key(17, ...numbers.map(mpi))
const n = Buffer.alloc(256, 0x99)
const weakEd25519 = [
  ...[`01${ZEROS}00`, `01${ZEROS}80`, `ec${ONES}7f`, `00${ZEROS}00`, `ed${ONES}7f`, `ee${ONES}ff`],
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(fromHex)
const weakEd448 = [
  ...['00', '80'].flatMap(sign => [`01${'00'.repeat(55)}${sign}`, `00${'00'.repeat(55)}${sign}`]),
  `fe${'ff'.repeat(27)}fe${'ff'.repeat(27)}00`,
  `ff${'ff'.repeat(27)}fe${'ff'.repeat(27)}00`,
  `05${'00'.repeat(55)}01`,
].map(fromHex)

/** Keys for which anybody can forge signatures, and other spellings of keys. */
const UNFIT: readonly (readonly [what: string, unfit: ReturnType<typeof key>, reason: RegExp])[] = [
  ...weakEd25519.flatMap(point => [
    [`Ed25519 ${toHex(point).slice(0, 6)}…`, onCurve(22, hex(OIDS.ed25519), native(point)), WEAK] as const,
    [
      `Ed25519 ${toHex(point).slice(0, 6)}…, new OID`,
      onCurve(22, hex('2b6570'), native(point)),
      WEAK,
    ] as const,
    [`Ed25519 ${toHex(point).slice(0, 6)}…, algorithm 27`, key(27, point), WEAK] as const,
  ]),
  ...weakEd448.flatMap(point => [
    [`Ed448 ${toHex(point).slice(0, 6)}…`, key(28, point), WEAK] as const,
    [
      `Ed448 ${toHex(point).slice(0, 6)}…, algorithm 22`,
      onCurve(22, hex('2b6571'), native(point)),
      WEAK,
    ] as const,
  ]),
  ['RSA with exponent 1', key(1, mpi(n), mpi(Buffer.of(1))), /exponent 1: anybody could sign/],
  ['RSA with exponent 0', key(3, mpi(n), Buffer.of(0, 0)), /an even number where no RSA key has one/],
  ['RSA with an even exponent', key(1, mpi(n), mpi(Buffer.of(1, 0))), /an even number/],
  ['RSA with an even modulus', key(1, mpi(Buffer.alloc(256, 2)), mpi(Buffer.of(3))), /an even number/],
  ['RSA with a huge exponent', key(1, mpi(n), mpi(n)), /an exponent above 64 bits/],
  ['DSA with y = 1', dsa(P, q, four, Buffer.of(1)), /a DSA key out of its range/],
  ['DSA with g = 1', dsa(P, q, Buffer.of(1), four), /a DSA key out of its range/],
  ['DSA with y = 0', dsa(P, q, four, Buffer.of(0)), /a DSA key out of its range/],
  ['DSA with y = -1', dsa(P, q, four, minus(1)), /a DSA key out of its range/],
  ['DSA with y that is not reduced', dsa(P, q, four, plus(16)), /a DSA key out of its range/],
  ['DSA with y of another order', dsa(P, q, four, minus(16)), /a DSA key of another order/],
  ['DSA with a small q', dsa(P, Buffer.of(3), four, Buffer.of(16)), /DSA of an unknown size/],
]

describe('a certificate that contains', () => {
  const honest = certificate(keyOfSeed(CREATED, 'honest'))
  for (const [what, unfit, reason] of UNFIT) {
    it(`attack: ${what} is refused, whoever reads it and wherever it stands`, () => {
      refuses(() => fitMaterialOf(unfit), reason)
      const { fingerprint } = keyOfSeed(CREATED, 'honest')
      const asSubkey = Buffer.concat([honest, packet(14, Buffer.from(unfit.body))])
      refuses(() => findCertificate(asSubkey, fingerprint), reason)
      refuses(() => certificateFingerprints(asSubkey), reason)
      const asPrimary = packet(6, Buffer.from(unfit.body))
      refuses(() => findCertificate(asPrimary, unfit.fingerprint), reason)
      refuses(() => certificateFingerprints(asPrimary), reason)
    })
  }

  it('a fit DSA key, or an RSA key of old programs, is accepted', () => {
    assert.equal(fitMaterialOf(dsa(P, q, four, Buffer.of(16))).kind, 'dsa')
    for (const exponent of [3, 17, 35, 41]) {
      assert.equal(fitMaterialOf(key(1, mpi(n), mpi(Buffer.of(exponent)))).kind, 'rsa')
    }
  })

  it('attack: RSA that claims to be longer is as long as its modulus', () => {
    const short = Buffer.concat([Buffer.of(8, 0), Buffer.alloc(192), Buffer.alloc(64, 0x99)])
    assert.equal(key(1, short, mpi(Buffer.of(3))).bits, 512)
    const six = Buffer.concat([Buffer.of(6, 0, 0, 0, 0, 1, 0, 0, 1, 5), short, mpi(Buffer.of(3))])
    assert.equal(parseKeyPacket(six).bits, 512)
  })
})
