import { FormatError } from '../../primitives/format-error.ts'

const PACKET_LIMIT = 20_000

/**
 * One OpenPGP packet: `bytes` is the whole packet, `body` what follows its header. Both are views,
 * not copies.
 */
export interface Packet {
  readonly tag: number
  readonly body: Uint8Array
  readonly bytes: Uint8Array
}

/** The packet types that occur here (RFC 9580, section 5). */
export const TAG = {
  signature: 2,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  marker: 10,
  trust: 12,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
  padding: 21,
} as const

/**
 * Splits binary OpenPGP data into packets (RFC 9580, section 4.2), with headers of both formats but
 * fixed lengths only: keys and signatures may not have partial or indeterminate ones. Throws
 * FormatError, also for more than 20,000 packets.
 */
export function readPackets(bytes: Uint8Array): readonly Packet[] {
  const packets: Packet[] = []
  for (let offset = 0; offset < bytes.length; ) {
    if (packets.length === PACKET_LIMIT) throw malformed(`more than ${PACKET_LIMIT} packets`, offset)
    const { tag, start, length } = readHeader(bytes, offset)
    const end = start + length
    if (end > bytes.length) throw malformed('the packet breaks off', offset)
    packets.push({ tag, body: bytes.subarray(start, end), bytes: bytes.subarray(offset, end) })
    offset = end
  }
  return packets
}

/** A big-endian number of up to 6 bytes. Throws FormatError if the bytes end too early. */
export function readNumber(bytes: Uint8Array, offset: number, size: number): number {
  if (offset + size > bytes.length) throw malformed('the packet breaks off', offset)
  let value = 0
  for (let i = offset; i < offset + size; i++) value = value * 256 + (bytes[i] ?? 0)
  return value
}

function readHeader(bytes: Uint8Array, offset: number): { tag: number; start: number; length: number } {
  const first = readNumber(bytes, offset, 1)
  if ((first & 0x80) === 0) throw malformed('no OpenPGP packet', offset)
  if ((first & 0x40) !== 0) return { tag: first & 0x3f, ...readNewLength(bytes, offset + 1) }
  const lengthType = first & 3
  if (lengthType === 3) throw malformed('a packet without a stated length', offset)
  const size = 1 << lengthType
  const length = readNumber(bytes, offset + 1, size)
  return { tag: (first >> 2) & 0xf, start: offset + 1 + size, length }
}

function readNewLength(bytes: Uint8Array, offset: number): { start: number; length: number } {
  const first = readNumber(bytes, offset, 1)
  if (first < 192) return { start: offset + 1, length: first }
  if (first < 224) {
    return { start: offset + 2, length: (first - 192) * 256 + readNumber(bytes, offset + 1, 1) + 192 }
  }
  if (first < 255) throw malformed('a packet in parts', offset)
  return { start: offset + 5, length: readNumber(bytes, offset + 1, 4) }
}

function malformed(problem: string, offset: number): FormatError {
  return new FormatError('OpenPGP', problem, `offset ${offset}`)
}
