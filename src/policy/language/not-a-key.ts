/** What stands where a policy needs a public key, if it is something else that people put there. */
import { parseNixSecretKey, printNixPublicKey } from '../../formats/nix/nix-key.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { isKey } from './keys.ts'

/** What a text is, in words that never quote a secret. */
export interface NotAKey {
  readonly code: 'secret-key' | 'path' | 'space' | 'certificate' | 'fingerprint'
  /** Escaped. */
  readonly problem: string
}

const PATH = /^(?:\/|~\/|\.\.?\/)|^[\w.@+-]+\.(?:pub|asc|gpg|pgp|kbx|pem|secret|key|minisig|txt)$/
const CERTIFICATE = /\.(?:asc|gpg|pgp|kbx)$/
/**
 * The beginnings of secret keys of OpenSSL, OpenSSH, OpenPGP, age, minisign (with a password and
 * without one), signify and nixsig.
 */
const SECRET =
  /-----BEGIN [A-Z ]*PRIVATE KEY|^AGE-SECRET-KEY-|^(?:minisign:|signify:)?RW(?:RTY0Iy|QAAEIy|RCS)|^nixsig encrypted/

/**
 * What a text is that does not parse as a public key; undefined if nothing in particular. A secret
 * key comes first: whatever else is wrong, that has to be said.
 */
export function notAKey(text: string): NotAKey | undefined {
  const plain = text.trim()
  const secret = secretProblem(plain)
  if (secret !== undefined) return { code: 'secret-key', problem: secret }
  if (PATH.test(plain)) return { code: 'path', problem: pathProblem(plain) }
  if (plain !== text && isKey(plain))
    return {
      code: 'space',
      problem: 'begins or ends with a space or an empty line: write the key without it',
    }
  if (plain.includes('-----BEGIN PGP'))
    return {
      code: 'certificate',
      problem: `is an OpenPGP certificate: keep it in a file, and write ${OPENPGP}`,
    }
  if (/^(?:[0-9A-Fa-f] ?){40}$|^(?:[0-9A-Fa-f] ?){64}$/.test(plain.replaceAll('  ', ' ')))
    return {
      code: 'fingerprint',
      problem: `is a fingerprint, and a key is needed: write ${OPENPGP}, with the file of its certificate`,
    }
  return undefined
}

/** Whether a file that should hold certificates holds a secret OpenPGP key, armoured or not. */
export function holdsSecretKey(bytes: Uint8Array): boolean {
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('-----BEGIN PGP PRIVATE KEY'))
    return true
  // A packet that begins a secret key, tag 5, in the old and in the new form of lengths.
  const [first = 0] = bytes
  return (first & 0xc0) === 0x80 ? ((first >> 2) & 0x0f) === 5 : first === 0xc5
}

const OPENPGP = '{ openpgp = "FINGERPRINT", certificate = "FILE" }'

/** What to do with a secret key; undefined if the text is not one. */
function secretProblem(text: string): string | undefined {
  const half = publicHalf(text)
  if (half === undefined && !SECRET.test(text)) return undefined
  const public_ = half === undefined ? 'its public key' : `"${printable(half)}"`
  return `this is a SECRET key, and a policy needs the public one: take it out of this file, and write ${public_} in its place`
}

/** The public key of a secret key in Nix's form; the empty halves of a broken one are not shown. */
function publicHalf(text: string): string | undefined {
  const [name = '', body = ''] = text.split(':', 2)
  if (!/^[A-Za-z0-9+/]{86}==$/.test(body)) return undefined
  try {
    const { secretKey } = parseNixSecretKey(text)
    return printNixPublicKey({ name, publicKey: secretKey.subarray(32) })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return `${name}:…`
  }
}

function pathProblem(path: string): string {
  const name = printable(path, 200)
  if (CERTIFICATE.test(path))
    return `"${name}" is a file, and a key is needed: an OpenPGP key is written { openpgp = "FINGERPRINT", certificate = "${name}" }`
  return `"${name}" is a file, and a key is needed: write the line that the file holds, such as "alice-1:…"`
}
