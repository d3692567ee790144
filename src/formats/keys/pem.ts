/**
 * Public keys in PEM: a SubjectPublicKeyInfo (RFC 5280, section 4.1) as text (RFC 7468, section
 * 13), for Ed25519 (RFC 8410, section 4), ECDSA (RFC 5480, section 2) and RSA (RFC 3279, section
 * 2.3.1).
 */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import {
  contentOf,
  DER,
  type DerElement,
  derElement,
  derElements,
  positiveIntegerOf,
  printDer,
} from './der.ts'
import { type Curve, ecdsaKey, type PublicKey, rsaKey } from './public-key.ts'

const FORMAT = 'PEM public key'
const TEXT_LIMIT = 4096
const FORM = /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END PUBLIC KEY-----\n?$/

/** Characters of base64 on a line, as openssl writes them. */
const LINE = 64

/**
 * The DER of each algorithm identifier (object identifier and parameters), in hex. Each has only
 * one encoding.
 */
const ALGORITHMS: Readonly<Record<'ed25519' | 'rsa' | Curve, string>> = {
  ed25519: '300506032b6570',
  rsa: '300d06092a864886f70d0101010500',
  nistp256: '301306072a8648ce3d020106082a8648ce3d030107',
  nistp384: '301006072a8648ce3d020106052b81040022',
  nistp521: '301006072a8648ce3d020106052b81040023',
}

/**
 * Parses a PEM public key. Throws FormatError for any other kind of key, for text around the block,
 * and for every spelling of a key that openssl would not write, except that the final newline may
 * be missing.
 */
export function parsePemPublicKey(text: string): PublicKey {
  if (text.length > TEXT_LIMIT) throw malformed(`longer than ${TEXT_LIMIT} characters`)
  const body = FORM.exec(text)?.[1]
  if (body === undefined) throw malformed('not one PEM block that holds a public key')
  const der = fromBase64(body.replaceAll('\n', ''))
  if (linesOf(der) !== body) throw malformed(`not in lines of ${LINE} characters`)
  return parseSubjectPublicKeyInfo(der)
}

/** The PEM block of a public key, with a final newline. 32 raw bytes stand for an Ed25519 key. */
export function printPemPublicKey(key: PublicKey | Uint8Array): string {
  const der = subjectPublicKeyInfo(key instanceof Uint8Array ? { kind: 'ed25519', publicKey: key } : key)
  return `-----BEGIN PUBLIC KEY-----\n${linesOf(der)}\n-----END PUBLIC KEY-----\n`
}

/** Parses a SubjectPublicKeyInfo in DER, in its only encoding. Throws FormatError. */
export function parseSubjectPublicKeyInfo(der: Uint8Array): PublicKey {
  const [algorithm, bits, ...more] = sequence(derElement(der, FORMAT))
  const [unused, ...raw] = contentOf(bits, DER.bitString, FORMAT)
  if (unused !== 0 || more.length > 0) throw malformed('not a key and its algorithm')
  const encoded = Buffer.from(algorithm?.encoded ?? []).toString('hex')
  const publicKey = Uint8Array.from(raw)
  switch (encoded) {
    case ALGORITHMS.ed25519:
      if (publicKey.length !== 32) throw malformed('not an Ed25519 key of 32 bytes')
      return { kind: 'ed25519', publicKey }
    case ALGORITHMS.rsa:
      return readRsa(publicKey)
    case ALGORITHMS.nistp256:
      return ecdsaKey('nistp256', publicKey, FORMAT)
    case ALGORITHMS.nistp384:
      return ecdsaKey('nistp384', publicKey, FORMAT)
    case ALGORITHMS.nistp521:
      return ecdsaKey('nistp521', publicKey, FORMAT)
  }
  throw malformed('a key of another algorithm than Ed25519, ECDSA and RSA')
}

function readRsa(der: Uint8Array): PublicKey {
  const [modulus, exponent, ...more] = sequence(derElement(der, FORMAT))
  if (more.length > 0) throw malformed('not an RSA key of two numbers')
  return rsaKey(positiveIntegerOf(modulus, FORMAT), positiveIntegerOf(exponent, FORMAT), FORMAT)
}

function subjectPublicKeyInfo(key: PublicKey): Uint8Array {
  const algorithm = ALGORITHMS[key.kind === 'ecdsa' ? key.curve : key.kind]
  const raw =
    key.kind === 'rsa'
      ? printDer(DER.sequence, printInteger(key.modulus), printInteger(key.exponent))
      : key.publicKey
  return printDer(DER.sequence, Buffer.from(algorithm, 'hex'), printDer(DER.bitString, Buffer.of(0), raw))
}

function printInteger(number: Uint8Array): Uint8Array {
  const isNegative = (number[0] ?? 0) >= 0x80
  return printDer(DER.integer, isNegative ? Buffer.of(0) : Buffer.of(), number)
}

function linesOf(der: Uint8Array): string {
  return toBase64(der).replace(new RegExp(`(.{${LINE}})(?!$)`, 'g'), '$1\n')
}

function sequence(element: DerElement | undefined): readonly DerElement[] {
  return derElements(contentOf(element, DER.sequence, FORMAT), FORMAT)
}

function malformed(what: string): FormatError {
  return new FormatError(FORMAT, what, 'the whole block')
}
