/** ECDSA signatures in one form: r and s, each as long as a coordinate of the curve. */
import { FormatError } from '../../primitives/format-error.ts'
import { wireReader } from '../ssh/wire.ts'
import { contentOf, DER, derElement, derElements, positiveIntegerOf } from './der.ts'
import { type Curve, coordinateSize } from './public-key.ts'

const FORMAT = 'ECDSA signature'

/**
 * Converts from DER (RFC 3279, section 2.2.3), in its only minimal encoding. Throws FormatError.
 */
export function ecdsaFromDer(der: Uint8Array, curve: Curve): Uint8Array {
  const numbers = derElements(contentOf(derElement(der, FORMAT), DER.sequence, FORMAT), FORMAT)
  const [r, s, ...more] = numbers.map(number => positiveIntegerOf(number, FORMAT))
  if (r === undefined || s === undefined || more.length > 0) throw malformed('not two numbers')
  return joined(r, s, curve)
}

/** Converts from the two mpints of SSH (RFC 5656, section 3.1.2). Throws FormatError. */
export function ecdsaFromSsh(blob: Uint8Array, curve: Curve): Uint8Array {
  const reader = wireReader(blob, FORMAT)
  const [r, s] = [reader.mpint(), reader.mpint()]
  reader.end()
  return joined(r, s, curve)
}

function joined(r: Uint8Array, s: Uint8Array, curve: Curve): Uint8Array {
  const size = coordinateSize(curve)
  if (r.length > size || s.length > size) throw malformed('a number that is larger than the curve')
  const fixed = new Uint8Array(2 * size)
  fixed.set(r, size - r.length)
  fixed.set(s, 2 * size - s.length)
  return fixed
}

function malformed(what: string): FormatError {
  return new FormatError(FORMAT, what, 'its two numbers')
}
