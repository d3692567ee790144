// Signatures that this process verifies, against what gpgv and sqv say of the same ones.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { isMadeOver } from '../../../src/crypto/openpgp/arithmetic.ts'
import { findCertificate, isModernHash } from '../../../src/crypto/openpgp/certificate.ts'
import { claimsToBeBy } from '../../../src/crypto/openpgp/parts.ts'
import { readPackets } from '../../../src/formats/openpgp/packets.ts'
import { parseDetachedSignatures } from '../../../src/formats/openpgp/signature.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { openGnupg } from '../../support/gnupg.ts'
import {
  certificate,
  FLAGS,
  flags,
  makeKey,
  packet,
  signaturePacket,
  TYPE,
  userId,
} from '../../support/openpgp-maker.ts'

const work = mkdtempSync('/tmp/nixsig-arithmetic-')
const gnupg = openGnupg()
after(() => {
  gnupg.remove()
  rmSync(work, { recursive: true, force: true })
})

const DOCUMENT = Buffer.from('tree 0123\nauthor a <b> 1 +0000\n\nmessage\n')
const document = join(work, 'document')
writeFileSync(document, DOCUMENT)

interface Signed {
  readonly name: string
  readonly certificate: Buffer
  readonly fingerprint: string
  readonly signature: Buffer
}

function byGnupg(algorithm: string): Signed {
  const fingerprint = gnupg.makeKey(algorithm.replaceAll(/[^a-z0-9]/gi, ''), { algorithm })
  const file = gnupg.exportTo(join(work, `${fingerprint}.pgp`), fingerprint)
  return {
    name: `${algorithm}, made by GnuPG`,
    fingerprint,
    certificate: readFileSync(file),
    signature: gnupg.sign(document, fingerprint),
  }
}

function byHand(name: string, algorithm: 22 | 27, version: 4 | 6): Signed {
  const made = Date.UTC(2023, 0) / 1000
  const key = makeKey(made, algorithm, version)
  const parts = userId(key, 'x', { created: made, subpackets: [flags(FLAGS.certify | FLAGS.sign)] })
  return {
    name,
    fingerprint: key.fingerprint,
    certificate: certificate(key, parts),
    signature: signaturePacket(key, TYPE.file, DOCUMENT, { created: made + 86400 }),
  }
}

/** Whether this process takes it for a signature by a key of the certificate over the document. */
function isGood({ certificate: bytes, fingerprint }: Signed, signature: Buffer, over = DOCUMENT): boolean {
  try {
    const found = findCertificate(bytes, fingerprint)
    const [read, ...others] = parseDetachedSignatures(signature)
    if (read === undefined || others.length > 0 || !isModernHash(read.hashAlgorithm)) return false
    return found?.keys.some(key => claimsToBeBy(read, key) && isMadeOver(read, key, over)) === true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

/** Which of the tools take it for a good one. */
function toolsThatAccept({ certificate: bytes }: Signed, signature: Buffer): readonly string[] {
  const [keyring, file] = [join(work, 'keyring.pgp'), join(work, 'signature.pgp')]
  writeFileSync(keyring, bytes)
  writeFileSync(file, signature)
  const runs = {
    gpgv: ['--homedir', work, '--keyring', keyring, file, document],
    sqv: ['--keyring', keyring, file, document],
  }
  return Object.entries(runs).flatMap(([tool, args]) => (spawnSync(tool, args).status === 0 ? [tool] : []))
}

const SIGNED = [
  ...['ed25519', 'rsa2048', 'nistp256', 'nistp384', 'brainpoolP256r1', 'secp256k1'].map(byGnupg),
  byHand('EdDSA of version 4, made by hand', 22, 4),
]

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

describe('a signature that this process verifies', () => {
  for (const signed of SIGNED) {
    it(`by ${signed.name} is good, and by both tools or one`, () => {
      assert.equal(isGood(signed, signed.signature), true)
      assert.notDeepEqual(toolsThatAccept(signed, signed.signature), [])
      assert.equal(isGood(signed, signed.signature, Buffer.concat([DOCUMENT, Buffer.from('\n')])), false)
    })
  }

  for (const signed of SIGNED.slice(0, 3)) {
    it(`by ${signed.name} with any bit changed is good only where a tool says so`, () => {
      const bits = [...Array(signed.signature.length * 8).keys()]
      const good = bits.filter(bit => isGood(signed, flipped(signed.signature, bit)))
      // What no signature covers: the key id beside the fingerprint, and how long it is said to be.
      assert.ok(good.length <= 80, `${good.length} bits`)
      for (const bit of good.filter((_, index) => index % 12 === 0)) {
        assert.notDeepEqual(toolsThatAccept(signed, flipped(signed.signature, bit)), [], `bit ${bit}`)
      }
    })
  }

  it('of version 6 or by the newer Ed25519 is good', () => {
    for (const [algorithm, version] of [
      [27, 4],
      [27, 6],
    ] as const) {
      const signed = byHand('new', algorithm, version)
      assert.equal(isGood(signed, signed.signature), true)
      for (let bit = 0; bit < signed.signature.length * 8; bit += 7) {
        const other = isGood(signed, flipped(signed.signature, bit))
        assert.equal(other, false, `bit ${bit} of version ${version}`)
      }
    }
  })

  it('is bad with bytes after its numbers, or other first bytes of its hash', () => {
    for (const signed of SIGNED) {
      const [{ body }] = readPackets(signed.signature) as unknown as readonly [{ readonly body: Uint8Array }]
      const same = packet(2, Buffer.from(body))
      assert.equal(isGood(signed, same), true)
      assert.equal(isGood(signed, packet(2, Buffer.concat([body, Buffer.of(0)]))), false)
    }
  })
})
