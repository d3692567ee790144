import { FormatError } from '../../primitives/format-error.ts'
import { dearmorCertificates, isText } from './armor.ts'
import { type KeyPacket, parseKeyPacket } from './key-packet.ts'
import { isKeybox, KEYBOX } from './keybox.ts'
import { type Packet, readPackets, TAG } from './packets.ts'
import { type OpenPgpSignature, parseSignaturePacket } from './signature.ts'

/** A signature packet in a certificate, by any key. Most of it may be unreadable. */
export interface CertificateSignature {
  /** RFC 9580, section 5.2.1. Known even if the rest of the signature cannot be read. */
  readonly type: number
  /** Undefined if it cannot be read. */
  readonly signature: OpenPgpSignature | undefined
  readonly bytes: Uint8Array
}

/** A key of a certificate and the signatures that follow it. */
export interface CertificateKey extends KeyPacket {
  readonly signatures: readonly CertificateSignature[]
}

/** A user id (tag 13) or attribute (tag 17) and the signatures that follow it. */
export interface CertificateUser {
  readonly tag: number
  readonly id: Uint8Array
  readonly signatures: readonly CertificateSignature[]
}

/**
 * An OpenPGP certificate ("public key"), parsed but not verified: a signature need not be about the
 * packet that it follows.
 */
export interface OpenPgpCertificate {
  readonly primary: CertificateKey
  readonly subkeys: readonly CertificateKey[]
  readonly users: readonly CertificateUser[]
  /** Its packets as they came, without those that every reader ignores. */
  readonly bytes: Uint8Array
}

/**
 * Packets that every reader ignores, wherever they stand (RFC 9580, sections 5.8, 5.10 and 5.14).
 */
const PASSED_OVER: readonly number[] = [TAG.trust, TAG.marker, TAG.padding]

/**
 * Parses all certificates of a file, armoured or binary, in order; copies are not merged. Throws
 * FormatError, also if the file contains a secret key.
 */
export function parseCertificates(file: Uint8Array): readonly OpenPgpCertificate[] {
  if (isKeybox(file)) throw new FormatError('OpenPGP certificate', KEYBOX.what, `next: ${KEYBOX.next}`)
  const all = readPackets(isText(file) ? dearmorCertificates(file) : file)
  const packets = all.filter(({ tag }) => !PASSED_OVER.includes(tag))
  if (packets.length === 0) throw malformed('no certificate')
  const certificates: Packet[][] = []
  for (const packet of packets) {
    if (packet.tag === TAG.secretKey || packet.tag === TAG.secretSubkey) {
      throw malformed('holds a secret key, and must hold public ones alone: "gpg --export" writes them')
    }
    if (packet.tag === TAG.publicKey) certificates.push([packet])
    else certificates.at(-1)?.push(packet)
    if (certificates.length === 0) throw malformed('does not begin with a public key')
  }
  return certificates.map(parseCertificate)
}

interface Signed {
  readonly packet: Packet
  readonly signatures: CertificateSignature[]
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
        signed.at(-1)?.signatures.push(parseSignature(packet))
        break
      default:
        throw malformed(`a packet of type ${packet.tag} in a certificate`)
    }
  }
  const isKey = ({ packet }: Signed) => packet.tag === TAG.publicKey || packet.tag === TAG.publicSubkey
  const [primary, ...subkeys] = signed
    .filter(isKey)
    .map(({ packet, signatures }) => ({ ...parseKeyPacket(packet.body), signatures }))
  if (primary === undefined) throw malformed('no public key')
  const users = signed
    .filter(each => !isKey(each))
    .map(({ packet, signatures }) => ({ tag: packet.tag, id: packet.body, signatures }))
  return { primary, subkeys, users, bytes: Buffer.concat(packets.map(packet => packet.bytes)) }
}

/** Reads a signature packet. In versions 2 and 3 the type has another offset. */
function parseSignature({ body, bytes }: Packet): CertificateSignature {
  const type = body[(body[0] ?? 0) < 4 ? 2 : 1] ?? 0
  try {
    return { type, signature: parseSignaturePacket(body, bytes), bytes }
  } catch (error) {
    if (error instanceof FormatError) return { type, signature: undefined, bytes }
    throw error
  }
}

function malformed(problem: string): FormatError {
  return new FormatError('OpenPGP certificate', problem, 'packets')
}
