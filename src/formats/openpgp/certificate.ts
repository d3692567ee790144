import { FormatError } from '../../primitives/format-error.ts'
import { dearmorCertificates, isText } from './armor.ts'
import { type Packet, readNumber, readPackets, TAG } from './packets.ts'
import { type OpenPgpSignature, parseSignaturePacket } from './signature.ts'

/** A public key or subkey packet (RFC 9580, section 5.5.2) and the signatures that follow it, whoever made them. */
export interface CertificateKey {
  readonly version: number
  /** Seconds since 1970. */
  readonly created: number
  readonly algorithm: number
  /** For RSA and DSA the length of the modulus. */
  readonly bits?: number
  readonly body: Uint8Array
  readonly signatures: readonly OpenPgpSignature[]
  /** Whether one of the signatures that follow is a revocation (types 0x20 and 0x28), also one that cannot be read further. */
  readonly hasRevocation: boolean
}

/** A user id or attribute and the signatures over it. */
export interface CertificateUser {
  readonly id: Uint8Array
  readonly signatures: readonly OpenPgpSignature[]
}

/** An OpenPGP certificate ("public key"), read but not verified. */
export interface OpenPgpCertificate {
  readonly primary: CertificateKey
  readonly subkeys: readonly CertificateKey[]
  readonly users: readonly CertificateUser[]
  /** Its packets as they came. */
  readonly bytes: Uint8Array
}

/**
 * All certificates of a file, armoured or binary. Throws FormatError, also if there is a secret key in it. Signatures of
 * versions or forms that are not understood are left out here, but not out of `bytes`.
 */
export function parseCertificates(file: Uint8Array): readonly OpenPgpCertificate[] {
  const packets = readPackets(isText(file) ? dearmorCertificates(file) : file)
  if (packets.length === 0) throw malformed('no certificate')
  const certificates: Packet[][] = []
  for (const packet of packets) {
    if (packet.tag === TAG.secretKey || packet.tag === TAG.secretSubkey) throw malformed('holds a secret key')
    if (packet.tag === TAG.publicKey) certificates.push([packet])
    else certificates.at(-1)?.push(packet)
    if (certificates.length === 0) throw malformed('does not begin with a public key')
  }
  return certificates.map(parseCertificate)
}

interface Signed {
  readonly packet: Packet
  readonly signatures: Packet[]
}

function parseCertificate(packets: readonly Packet[]): OpenPgpCertificate {
  const signed: Signed[] = []
  for (const packet of packets) {
    switch (packet.tag) {
      case TAG.publicKey:
      case TAG.publicSubkey:
      case TAG.userId:
      case TAG.userAttribute:
        signed.push({ packet, signatures: [] })
        break
      case TAG.signature:
        signed.at(-1)?.signatures.push(packet)
        break
      case TAG.trust:
      case TAG.marker:
      case TAG.padding:
        break
      default:
        throw malformed(`a packet of type ${packet.tag} in a certificate`)
    }
  }
  const isKey = ({ packet }: Signed) => packet.tag === TAG.publicKey || packet.tag === TAG.publicSubkey
  const [primary, ...subkeys] = signed.filter(isKey).map(parseSignedKey)
  if (primary === undefined) throw malformed('no public key')
  const users = signed
    .filter(each => !isKey(each))
    .map(({ packet, signatures }) => ({ id: packet.body, signatures: signatures.flatMap(readableSignature) }))
  return { primary, subkeys, users, bytes: Buffer.concat(packets.map(packet => packet.bytes)) }
}

function parseSignedKey({ packet, signatures }: Signed): CertificateKey {
  return {
    ...parseKey(packet.body),
    signatures: signatures.flatMap(readableSignature),
    hasRevocation: signatures.some(isRevocation),
  }
}

/** By the type alone: a tool may know what to do with the rest. The type comes later in signatures of versions 2 and 3. */
function isRevocation({ body }: Packet): boolean {
  const type = body[(body[0] ?? 0) < 4 ? 2 : 1]
  return type === 0x20 || type === 0x28
}

function parseKey(body: Uint8Array): Omit<CertificateKey, 'signatures' | 'hasRevocation'> {
  const version = readNumber(body, 0, 1)
  const created = readNumber(body, 1, 4)
  if (version !== 4 && version !== 6) return { version, created, algorithm: 0, body }
  const algorithm = readNumber(body, 5, 1)
  // RSA begins with its modulus, DSA with its prime; version 6 has 4 bytes of length in between.
  const hasModulus = algorithm <= 3 || algorithm === 17
  const bits = hasModulus ? { bits: readNumber(body, version === 4 ? 6 : 10, 2) } : {}
  return { version, created, algorithm, ...bits, body }
}

function readableSignature(packet: Packet): readonly OpenPgpSignature[] {
  try {
    return [parseSignaturePacket(packet.body, packet.bytes)]
  } catch (error) {
    if (error instanceof FormatError) return []
    throw error
  }
}

function malformed(problem: string): FormatError {
  return new FormatError('OpenPGP certificate', problem, 'packets')
}
