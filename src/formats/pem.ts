/** Ed25519 public keys in PEM: a SubjectPublicKeyInfo (RFC 8410, section 4) in text (RFC 7468, section 13). */
import { fromBase64, toBase64 } from '../primitives/base64.ts'
import { FormatError } from '../primitives/format-error.ts'

/** All DER that stands before the 32 bytes of the key: two sequences, the object identifier 1.3.101.112, a bit string. */
const SPKI_PREFIX = '302a300506032b6570032100'
const FORM = /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]{60})\n-----END PUBLIC KEY-----\n?$/

/**
 * The 32 raw bytes of a PEM public key. Throws FormatError for any other kind of key, for text around the block, and
 * for every way of writing the same key that openssl would not have written, save a missing newline at the end.
 */
export function parsePemPublicKey(text: string): Uint8Array {
  const encoded = FORM.exec(text)?.[1]
  if (encoded === undefined) throw malformed('not one PEM block that holds an Ed25519 public key')
  const der = fromBase64(encoded)
  const prefix = SPKI_PREFIX.length / 2
  if (Buffer.from(der.subarray(0, prefix)).toString('hex') !== SPKI_PREFIX || der.length !== prefix + 32) {
    throw malformed('not an Ed25519 public key')
  }
  return der.slice(prefix)
}

/** The PEM block, with a newline at its end, of a public key of 32 raw bytes. */
export function printPemPublicKey(publicKey: Uint8Array): string {
  const der = Buffer.concat([Buffer.from(SPKI_PREFIX, 'hex'), publicKey])
  return `-----BEGIN PUBLIC KEY-----\n${toBase64(der)}\n-----END PUBLIC KEY-----\n`
}

function malformed(what: string): FormatError {
  return new FormatError('PEM public key', what, 'the whole block')
}
