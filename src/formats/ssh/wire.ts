/** SSH's encoding of consecutive values (RFC 4251, section 5). */
import { FormatError } from '../../primitives/format-error.ts'

/**
 * Reads bytes from front to back. Every method throws FormatError if the expected value is not
 * there.
 */
export interface WireReader {
  byte(): number
  uint32(): number
  /** This many bytes as they are. */
  bytes(count: number): Uint8Array
  /** Bytes preceded by their length. */
  string(): Uint8Array
  /** Like `string`, but must be printable ASCII: the name of an algorithm, a curve or a hash. */
  name(): string
  /** A positive number in its minimal encoding; returned big-endian without leading zeros. */
  mpint(): Uint8Array
  /** All remaining bytes. */
  rest(): Uint8Array
  /** Checks that no bytes remain. */
  end(): void
}

/**
 * A reader of these bytes, whose errors are in the name of `format`. It returns views, not copies.
 */
export function wireReader(bytes: Uint8Array, format: string): WireReader {
  let at = 0
  const malformed = (what: string) => new FormatError(format, what, `offset ${at}`)
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw malformed('breaks off')
    at += count
    return bytes.subarray(at - count, at)
  }
  const uint32 = () => take(4).reduce((value, byte) => value * 256 + byte, 0)
  const string = () => take(uint32())
  return {
    byte: () => take(1).reduce((_, byte) => byte, 0),
    uint32,
    bytes: take,
    string,
    name: () => {
      const text = Buffer.from(string()).toString('latin1')
      if (!/^[!-~]{1,64}$/.test(text)) throw malformed('not a valid name')
      return text
    },
    mpint: () => {
      const encoded = string()
      const [first = 0, second = 0] = encoded
      if (encoded.length === 0 || first >= 0x80) throw malformed('a number that is not positive')
      if (first !== 0) return encoded
      if (second < 0x80) throw malformed('a number that is not in its shortest form')
      return encoded.subarray(1)
    },
    rest: () => take(bytes.length - at),
    end: () => {
      if (at < bytes.length) throw malformed('goes on where it should end')
    },
  }
}

/** Writes a string: its length in four bytes, then its bytes. Text becomes UTF-8. */
export function wireString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  return Buffer.concat([wireUint32(bytes.length), bytes])
}

/** Writes a number in four bytes, big-endian. */
export function wireUint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/**
 * Writes a positive number, given big-endian without leading zeros. A zero byte precedes a first
 * byte that would make it negative.
 */
export function wireMpint(number: Uint8Array): Uint8Array {
  const isNegative = (number[0] ?? 0) >= 0x80
  return wireString(isNegative ? Buffer.concat([Buffer.of(0), number]) : number)
}
