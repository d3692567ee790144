/**
 * DER (X.690, section 10) as far as certificates need it. It reads one level of elements at a time,
 * so there is no recursion. Stricter than most readers: lengths are definite and minimal, tags have
 * one byte, and nothing follows an element.
 */
import { FormatError } from '../../primitives/format-error.ts'

/** One-byte tags, including the class and the "constructed" bit. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
} as const

/** One DER element. */
export interface DerElement {
  readonly tag: number
  readonly content: Uint8Array
  /** The tag, length and content. */
  readonly encoded: Uint8Array
}

/** Reads bytes that are exactly one element. Throws FormatError in the name of `format`. */
export function derElement(bytes: Uint8Array, format: string): DerElement {
  const [element, ...rest] = derElements(bytes, format)
  if (element === undefined || rest.length > 0) throw malformed(format, 'not one DER element')
  return element
}

/** Reads bytes that are elements one after another. Throws FormatError in the name of `format`. */
export function derElements(bytes: Uint8Array, format: string): readonly DerElement[] {
  const elements: DerElement[] = []
  for (let at = 0; at < bytes.length; ) {
    const { tag, start, end } = readHeader(bytes, at, format)
    elements.push({ tag, content: bytes.subarray(start, end), encoded: bytes.subarray(at, end) })
    at = end
  }
  return elements
}

/**
 * The content of an element with this tag. Throws FormatError if the element is absent or has
 * another tag.
 */
export function contentOf(element: DerElement | undefined, tag: number, format: string): Uint8Array {
  if (element?.tag !== tag) throw malformed(format, `no element with tag ${tag} where one must be`)
  return element.content
}

/**
 * The bytes of a positive integer, big-endian without leading zeros. Throws FormatError for any
 * other element and for a padded integer.
 */
export function positiveIntegerOf(element: DerElement | undefined, format: string): Uint8Array {
  const content = contentOf(element, DER.integer, format)
  const [first = 0, second = 0] = content
  if (content.length === 0 || first >= 0x80) throw malformed(format, 'a number that is not positive')
  if (first !== 0) return content
  if (second < 0x80) throw malformed(format, 'a number that is not in its shortest form')
  return content.subarray(1)
}

/**
 * Prints one element with this tag around the concatenated contents, which must be less than 2^16
 * bytes.
 */
export function printDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

/**
 * The object identifier of an element (X.690, section 8.19) in dotted form, with arcs below 2^31.
 * Throws FormatError.
 */
export function objectIdentifierOf(element: DerElement | undefined, format: string): string {
  const content = contentOf(element, DER.objectIdentifier, format)
  const arcs: number[] = []
  let value = 0
  let isInside = false
  for (const byte of content) {
    if (!isInside && byte === 0x80) throw malformed(format, 'object identifier with a padded arc')
    value = value * 128 + (byte & 0x7f)
    if (value >= 2 ** 31) throw malformed(format, 'object identifier with an arc of more than 31 bits')
    isInside = (byte & 0x80) !== 0
    if (isInside) continue
    arcs.push(value)
    value = 0
  }
  const [head, ...rest] = arcs
  if (head === undefined || isInside) throw malformed(format, 'object identifier that breaks off')
  const root = Math.min(2, Math.floor(head / 40))
  return [root, head - root * 40, ...rest].join('.')
}

function readHeader(bytes: Uint8Array, at: number, format: string) {
  const tag = bytes[at] ?? 0
  const first = bytes[at + 1]
  if ((tag & 0x1f) === 0x1f) throw malformed(format, 'tag of more than one byte')
  if (first === undefined) throw malformed(format, 'DER that breaks off')
  const count = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || count > 4) throw malformed(format, 'length of an unknown form')
  const digits = bytes.subarray(at + 2, at + 2 + count)
  const length = count === 0 ? first : digits.reduce((value, byte) => value * 256 + byte, 0)
  const isShortest = count === 0 || (length >= 0x80 && digits[0] !== 0)
  if (!isShortest) throw malformed(format, 'length that is not in its shortest form')
  const start = at + 2 + count
  if (start + length > bytes.length) throw malformed(format, 'DER that breaks off')
  return { tag, start, end: start + length }
}

function malformed(format: string, what: string): FormatError {
  return new FormatError(format, what, 'DER')
}
