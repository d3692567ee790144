import { createPublicKey, type KeyObject } from 'node:crypto'
import { DER, printDer } from '../../formats/keys/der.ts'
import type { KeyMaterial } from '../../formats/openpgp/key-material.ts'

/** A public key for node:crypto. Throws node's Error for a key that it does not support. */
export function keyObjectOf(material: KeyMaterial): KeyObject {
  return createPublicKey({ format: 'der', type: 'spki', key: Buffer.from(spkiOf(material)) })
}

const OID = {
  rsa: Buffer.from('2a864886f70d010101', 'hex'),
  dsa: Buffer.from('2a8648ce380401', 'hex'),
  ec: Buffer.from('2a8648ce3d0201', 'hex'),
  ed448: Buffer.from('2b6571', 'hex'),
}

/**
 * SubjectPublicKeyInfo: RFC 3279, sections 2.3.1 and 2.3.2; RFC 5480, section 2; RFC 8410, section
 * 4.
 */
function spkiOf(material: KeyMaterial): Uint8Array {
  switch (material.kind) {
    case 'rsa':
      return spki(
        [OID.rsa, NULL],
        printDer(DER.sequence, integer(material.modulus), integer(material.exponent)),
      )
    case 'dsa': {
      const [p, q, g, y] = material.numbers
      return spki([OID.dsa, printDer(DER.sequence, integer(p), integer(q), integer(g))], integer(y))
    }
    case 'point':
      return spki([OID.ec, printDer(DER.objectIdentifier, material.oid)], material.point)
    case 'ed448':
      return spki([OID.ed448], material.publicKey)
    default:
      throw new TypeError(`${material.kind} keys are not node's`)
  }
}

const NULL = Uint8Array.of(5, 0)

function spki([oid, ...parameters]: readonly [Uint8Array, ...Uint8Array[]], key: Uint8Array): Uint8Array {
  const algorithm = printDer(DER.sequence, printDer(DER.objectIdentifier, oid), ...parameters)
  return printDer(DER.sequence, algorithm, printDer(DER.bitString, Uint8Array.of(0), key))
}

/** The DER integer of big-endian bytes without leading zeros. */
export function integer(bytes: Uint8Array): Uint8Array {
  const needsZero = bytes.length === 0 || (bytes[0] ?? 0) >= 0x80
  return needsZero ? printDer(DER.integer, Uint8Array.of(0), bytes) : printDer(DER.integer, bytes)
}
