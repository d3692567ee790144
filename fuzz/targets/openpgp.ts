import { strict as assert } from 'node:assert'
import { findCertificate } from '../../src/crypto/openpgp/certificate.ts'
import { isText } from '../../src/formats/openpgp/armor.ts'
import { parseCertificates } from '../../src/formats/openpgp/certificate.ts'
import { fitMaterialOf } from '../../src/formats/openpgp/fit-key.ts'
import type { KeyPacket } from '../../src/formats/openpgp/key-packet.ts'
import { readPackets } from '../../src/formats/openpgp/packets.ts'
import { parseDetachedSignatures } from '../../src/formats/openpgp/signature.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { formatTarget, type Target } from '../target.ts'
import { OPENPGP_CERTIFICATES, OPENPGP_SIGNATURES } from './openpgp-seeds.ts'

const TOKENS: readonly string[] = [
  ...[
    '-----BEGIN PGP SIGNATURE-----\n',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n',
    '-----BEGIN PGP ARMORED FILE-----\n',
  ],
  ...[
    '-----END PGP SIGNATURE-----\n',
    '-----END PGP PUBLIC KEY BLOCK-----\n',
    '-----END PGP ARMORED FILE-----\n',
    '-----',
  ],
  ...['\n\n', '\r\n', 'Comment: x\n', '=AAAA\n', '=', '\xc2\x06', '\xb4\x01'],
]

/**
 * Throws unless the parts of a binary file make up all of it, in order. Armoured files are not
 * checked.
 */
function assertWhole(input: Uint8Array, parts: readonly { readonly bytes: Uint8Array }[]): void {
  if (isText(input)) return
  assert.ok(Buffer.concat(parts.map(part => part.bytes)).equals(input), 'the parts are not the whole')
}

function isFit(key: KeyPacket): boolean {
  try {
    fitMaterialOf(key)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

/** OpenPGP armour, packets, signatures and certificates. */
export const OPENPGP: readonly Target[] = [
  formatTarget({
    name: 'openpgp packets',
    seeds: [...OPENPGP_SIGNATURES, ...OPENPGP_CERTIFICATES].filter(bytes => !isText(bytes)),
    tokens: ['\xc2\x06', '\x88\x00', '\xff'],
    read: readPackets,
    also: (packets, input) => assertWhole(input, packets),
  }),
  formatTarget({
    name: 'openpgp signatures',
    seeds: OPENPGP_SIGNATURES,
    tokens: TOKENS,
    read: parseDetachedSignatures,
    also: (signatures, input) => {
      assertWhole(input, signatures)
      assert.ok(signatures.length >= 1 && signatures.length <= 16)
      for (const issuer of signatures.flatMap(each => each.issuers)) {
        assert.match(issuer, /^(?:[0-9A-F]{16}|[0-9A-F]{40}|[0-9A-F]{64})$/)
      }
    },
  }),
  formatTarget({
    name: 'openpgp certificates',
    seeds: OPENPGP_CERTIFICATES,
    tokens: TOKENS,
    read: parseCertificates,
    also: (certificates, input) => {
      assertWhole(input, certificates)
      for (const { primary } of certificates.slice(0, 1)) {
        const { fingerprint } = primary
        if (fingerprint === '') continue
        const copies = certificates.filter(each => each.primary.fingerprint === fingerprint)
        if (!copies.flatMap(each => [each.primary, ...each.subkeys]).every(isFit)) {
          assert.throws(() => findCertificate(input, fingerprint), FormatError)
          continue
        }
        const found = findCertificate(input, fingerprint)?.verified()
        assert.ok(found, 'a certificate is not found by its own fingerprint')
        const again = findCertificate(found.bytes, fingerprint)?.verified()
        assert.ok(again && Buffer.from(again.bytes).equals(found.bytes), 'its one form has another one')
      }
    },
  }),
]
