/** Values as SSH writes them one after another (RFC 4251, section 5). */
import { FormatError } from '../../primitives/format-error.ts'

/** Reads bytes from front to back; each step throws FormatError if what must come next is not there. */
export interface WireReader {
  byte(): number
  uint32(): number
  /** So many bytes as they are. */
  bytes(count: number): Uint8Array
  /** Bytes after their length. */
  string(): Uint8Array
  /** Likewise, and must be printable ASCII: the name of an algorithm, a curve or a hash. */
  name(): string
  /** A positive number in its one and shortest encoding: big-endian, without leading zeros. */
  mpint(): Uint8Array
  /** Whatever is left. */
  rest(): Uint8Array
  /** Nothing may be left. */
  end(): void
}

/** A reader of these bytes, whose errors are in the name of `format`. What it returns are views of them. */
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
      if (!/^[!-~]{1,64}$/.test(text)) throw malformed('a name that is none')
      return text
    },
    mpint: () => {
      const encoded = string()
      const [first = 0, second = 0] = encoded
      if (encoded.length === 0 || first >= 0x80) throw malformed('a number that is not positive')
      if (first !== 0) return encoded
      if (second < 0x80) throw malformed('a number that is not as short as can be')
      return encoded.subarray(1)
    },
    rest: () => take(bytes.length - at),
    end: () => {
      if (at < bytes.length) throw malformed('goes on where it should end')
    },
  }
}

/** A string: its length in four bytes, then itself. Text becomes UTF-8. */
export function wireString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  return Buffer.concat([wireUint32(bytes.length), bytes])
}

export function wireUint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A positive number, big-endian without leading zeros; a zero comes before a first byte that would make it negative. */
export function wireMpint(number: Uint8Array): Uint8Array {
  const isNegative = (number[0] ?? 0) >= 0x80
  return wireString(isNegative ? Buffer.concat([Buffer.of(0), number]) : number)
}
