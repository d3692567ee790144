/** Multiprecision integers (RFC 9580, section 3.2). */
import { FormatError } from '../../primitives/format-error.ts'
import { readNumber } from './packets.ts'

/**
 * Reads this many integers from the beginning, as big-endian bytes without leading zeros. Throws
 * FormatError if the bytes end too early.
 */
export function readMpis(bytes: Uint8Array, count: number): readonly Uint8Array[] {
  const numbers: Uint8Array[] = []
  let offset = 0
  for (let index = 0; index < count; index++) {
    const written = readMpiBytes(bytes.subarray(offset))
    numbers.push(withoutZeros(written))
    offset += 2 + written.length
  }
  return numbers
}

/** The bytes of the first integer, as written. Throws FormatError if the bytes end too early. */
export function readMpiBytes(bytes: Uint8Array): Uint8Array {
  const end = mpiSize(bytes)
  if (end > bytes.length) throw new FormatError('OpenPGP', 'a number breaks off', 'multiprecision integer')
  return bytes.subarray(2, end)
}

/** The size in bytes of the first integer, its length included. Throws FormatError without a length. */
export function mpiSize(bytes: Uint8Array): number {
  return 2 + Math.ceil(readNumber(bytes, 0, 2) / 8)
}

/** Pads a number with zeros in front to `size` bytes. */
export function leftPadded(number: Uint8Array, size: number): Uint8Array {
  const padded = new Uint8Array(size)
  padded.set(number, size - number.length)
  return padded
}

function withoutZeros(number: Uint8Array): Uint8Array {
  let start = 0
  while (start < number.length && number[start] === 0) start++
  return number.subarray(start)
}
