import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import fc from 'fast-check'
import { dearmorCertificates, dearmorSignatures } from '../../../src/formats/openpgp/armor.ts'
import { parseCertificates } from '../../../src/formats/openpgp/certificate.ts'
import { readPackets } from '../../../src/formats/openpgp/packets.ts'
import { parseDetachedSignatures } from '../../../src/formats/openpgp/signature.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { cpuTime } from '../../support/cpu-time.ts'
import { openGnupg } from '../../support/gnupg.ts'
import { refuses } from '../../support/refuses.ts'

const gnupg = openGnupg()
after(() => gnupg.remove())
const work = join(gnupg.dir, 'work')
mkdirSync(work)
const file = join(work, 'file')
writeFileSync(file, 'a release')
const alice = gnupg.makeKey('alice', { at: '20200101T000000', expire: '2y' })
gnupg.gpg(['--quick-add-key', alice, 'rsa2048', 'sign', '1y'], { at: '20200101T000000' })
const certificate = gnupg.gpg(['--export', alice])
const armouredCertificate = gnupg.gpg(['--armor', '--export', alice])
const signature = gnupg.sign(file, `${alice}!`, ['--default-sig-expire', '30d'], '20200601T000000')
const armouredSignature = gnupg.sign(file, `${alice}!`, ['--armor'], '20200601T000000')

const DAY = 86_400

it('reads the fields of a signature', () => {
  const [parsed, ...others] = parseDetachedSignatures(signature)
  assert.equal(others.length, 0)
  const { version, type, hashAlgorithm, publicKeyAlgorithm, created, lifetime, keyLifetime, issuers } =
    parsed ?? {}
  assert.deepEqual([version, type, publicKeyAlgorithm], [4, 0, 22])
  assert.ok(hashAlgorithm === 8 || hashAlgorithm === 10)
  assert.equal(created, Date.parse('2020-06-01T00:00:00Z') / 1000)
  assert.deepEqual([lifetime, keyLifetime], [30 * DAY, undefined])
  assert.deepEqual(new Set(issuers), new Set([alice, alice.slice(-16)]))
})

it('reads a certificate, armoured or not, alone or among others and text', () => {
  const [parsed] = parseCertificates(certificate)
  assert.equal(parsed?.primary.created, Date.parse('2020-01-01T00:00:00Z') / 1000)
  assert.deepEqual(
    parsed?.users.flatMap(({ signatures }) => signatures.map(({ signature }) => signature?.keyLifetime)),
    [2 * 365 * DAY],
  )
  assert.deepEqual(
    parsed?.subkeys.map(({ algorithm, bits }) => [algorithm, bits]),
    [[1, 2048]],
  )
  assert.deepEqual(
    parsed?.subkeys[0]?.signatures.map(({ signature }) => signature?.keyLifetime),
    [365 * DAY],
  )
  assert.deepEqual(Buffer.from(parsed?.bytes ?? []), certificate)
  assert.deepEqual(parseCertificates(armouredCertificate), [parsed])
  const page = Buffer.from(
    `My keys\n=======\n\n${armouredCertificate}\nand the old one\n${armouredCertificate}`,
  )
  assert.deepEqual(parseCertificates(page), [parsed, parsed])
})

it('only leaves out the packets that local tools add to a certificate', () => {
  const trust = Buffer.of(0xcc, 2, 0, 0)
  assert.equal(parseCertificates(Buffer.concat([certificate, trust])).length, 1)
  const marker = Buffer.concat([Buffer.of(0xca, 3), Buffer.from('PGP')])
  const padding = Buffer.of(0xd5, 2, 1, 2)
  const padded = Buffer.concat([marker, padding, trust, certificate, marker])
  assert.deepEqual(parseCertificates(padded), parseCertificates(certificate))
  refuses(() => parseCertificates(marker), /no certificate/)
  const literal = Buffer.of(0xcb, 1, 0x62)
  refuses(() => parseCertificates(Buffer.concat([certificate, literal])), /packet of type 11/)
  refuses(() => parseCertificates(armouredSignature), /no block of public keys/)
  refuses(() => parseCertificates(Buffer.from('hello')), /no armoured block/)
})

it('reads packet lengths of every size, and no indeterminate ones', () => {
  const lengths = [0, 1, 191, 192, 8383, 8384, 70_000]
  for (const length of lengths) {
    const body = Buffer.alloc(length, 7)
    const first = length < 192 ? [length] : undefined
    const second = length < 8384 ? [((length - 192) >> 8) + 192, (length - 192) & 0xff] : undefined
    const long = [0xff, length >> 24, length >> 16, length >> 8, length]
    const packet = Buffer.concat([Buffer.of(0xc2, ...(first ?? second ?? long)), body])
    const old = Buffer.concat([Buffer.of(0x8a, ...long.slice(1)), body])
    for (const bytes of [packet, old]) {
      const [read, ...rest] = readPackets(bytes)
      assert.deepEqual([read?.tag, read?.body.length, read?.bytes.length], [2, length, bytes.length])
      assert.equal(rest.length, 0)
      refuses(() => readPackets(bytes.subarray(0, -1)), /breaks off/)
    }
  }
  refuses(() => readPackets(Buffer.of(0xc2, 0xe1, 1, 2)), /in parts/)
  refuses(() => readPackets(Buffer.of(0x8b, 1, 2)), /without a stated length/)
  refuses(() => readPackets(Buffer.of(0x42, 0)), /no OpenPGP packet/)
  refuses(
    () => readPackets(Buffer.alloc(20_001 * 2).map((_, i) => (i % 2 === 0 ? 0xc2 : 0))),
    /20000 packets/,
  )
})

it('refuses armour that two readers could read in two ways', () => {
  const text = armouredSignature.toString()
  const refused = (changed: string, reason: RegExp) =>
    refuses(() => dearmorSignatures(Buffer.from(changed)), reason)
  refused(text.replace('\n\n', '\n'), /no empty line|not a header/)
  refused(text.replace('\n\n', '\nhidden\n\n'), /not a header/)
  refused(text.replace('\n\n', `\n${'Comment: x\n'.repeat(33)}\n`), /more than 32 headers/)
  refused(text.replace('-----END', `${text}-----END`), /does not end as it began/)
  refused(text.replace(/\n([A-Za-z0-9+/]{20})/, '\n$1-'), /base64/)
  refused(text.replace(/\n([A-Za-z0-9+/]{20})/, '\n$1 '), /base64/)
  refused('-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n', /empty/)
  refused(text.replaceAll('-----', '----'), /no armoured block/)
})

it('refuses a key file in which another reader could find a block that is skipped here', () => {
  const text = armouredCertificate.toString()
  const refused = (changed: string | Buffer, reason: RegExp) =>
    refuses(() => dearmorCertificates(Buffer.from(changed)), reason)
  refused(`${text}${text.replace(/^/gm, '> ')}`, /does not begin its line/)
  refused(`${text}  ${text}`, /does not begin its line/)
  refused(`${text}${text.replace('BEGIN PGP PUBLIC', 'BEGIN PGP Public')}`, /does not begin its line/)
  refused(Buffer.concat([armouredCertificate, certificate]), /not text/)
  const kept = text.replace('-----BEGIN', ':-----BEGIN')
  for (const encoding of ['utf8', 'latin1'] as const) {
    const file = Buffer.from(`Schlüssel von\tÄnne\n${text}${kept}`, encoding)
    assert.deepEqual(dearmorCertificates(file), certificate)
  }
})

it('reads armour in linear time', () => {
  const blocks = `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nzAA=\n-----END PGP PUBLIC KEY BLOCK-----\n`.repeat(
    40_000,
  )
  const start = cpuTime()
  assert.equal(dearmorCertificates(Buffer.from(blocks)).length, 80_000)
  assert.ok(cpuTime() - start < 5000)
})

it('gives a value or a FormatError for any changed byte', () => {
  const readers = [
    [signature, parseDetachedSignatures],
    [armouredSignature, parseDetachedSignatures],
    [certificate, parseCertificates],
    [armouredCertificate, parseCertificates],
  ] as const
  const change = fc.record({
    reader: fc.nat(readers.length - 1),
    at: fc.nat(10_000),
    byte: fc.nat(255),
    cut: fc.boolean(),
  })
  fc.assert(
    fc.property(change, ({ reader, at, byte, cut }) => {
      const [original, read] = readers[reader] ?? readers[0]
      const bytes = Buffer.from(original)
      const offset = at % bytes.length
      bytes[offset] = byte
      try {
        read(cut ? bytes.subarray(0, offset) : bytes)
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})
