import { parseCertificates } from '../../formats/openpgp/certificate.ts'
import { fitMaterialOf } from '../../formats/openpgp/fit-key.ts'
import type { KeyMaterial } from '../../formats/openpgp/key-material.ts'
import type { KeyPacket } from '../../formats/openpgp/key-packet.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { CertificateFile } from '../digest.ts'
import { identityOfKey, ownershipOf } from './keys.ts'

/**
 * A primary key or subkey of a certificate, and its ownership by its numbers alone, see
 * ownershipOf.
 */
export interface HeldKey {
  readonly fingerprint: string
  readonly ownership: string
}

/**
 * Looks up the keys, bound or not, of all copies of the certificate with this primary fingerprint
 * in a file; undefined if absent. Throws FormatError for a malformed file, and for a key of the
 * certificate that everybody can use or that has more than one spelling.
 */
export type KeysOfCertificate = (file: CertificateFile, fingerprint: string) => readonly HeldKey[] | undefined

/** A look-up that parses each file once. */
export function keysOfCertificates(): KeysOfCertificate {
  const parsed = new Map<CertificateFile, ReadonlyMap<string, readonly KeyPacket[]>>()
  return (file, fingerprint) => {
    const known = parsed.get(file) ?? keysByCertificate(file.bytes)
    parsed.set(file, known)
    return known.get(fingerprint)?.map(heldKey)
  }
}

function keysByCertificate(bytes: Uint8Array): ReadonlyMap<string, readonly KeyPacket[]> {
  const found = new Map<string, KeyPacket[]>()
  for (const { primary, subkeys } of parseCertificates(bytes)) {
    const keys = found.get(primary.fingerprint) ?? []
    keys.push(primary, ...subkeys)
    found.set(primary.fingerprint, keys)
  }
  return found
}

function heldKey(key: KeyPacket): HeldKey {
  return { fingerprint: key.fingerprint, ownership: ownershipOfMaterial(fitMaterialOf(key)) }
}

/** The same value that ownershipOf gives for the key when a policy writes it as text. */
function ownershipOfMaterial(material: KeyMaterial): string {
  switch (material.kind) {
    case 'ed25519':
      return identityOfKey(material)
    case 'rsa':
      return ownershipOf(material)
    case 'x25519':
    case 'x448':
    case 'ed448':
      return `${material.kind}:${toHex(material.publicKey)}`
    case 'dsa':
      return `dsa:${digest(material.numbers)}`
    // As in identityOfKey for the NIST curves: the curve by its name, whatever OID the packet uses
    // for it.
    case 'point':
      return `ecdsa-${material.curve}:${toHex(material.point)}`
    case 'other':
      return `openpgp-${material.algorithm}:${digest([material.bytes])}`
  }
}

/** The hash of concatenated numbers, each after its length (8 bytes, big-endian). */
function digest(numbers: readonly Uint8Array[]): string {
  const parts = numbers.flatMap(number => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(number.length))
    return [length, number]
  })
  return toHex(sha256(Buffer.concat(parts)))
}
