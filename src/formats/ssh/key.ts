/**
 * Public keys as OpenSSH writes them: `<algorithm> <base64> <comment>` (sshd(8)). The base64
 * contains the wire form of the key (RFC 4253, section 6.6; RFC 5656, section 3.1; RFC 8709,
 * section 4; OpenSSH PROTOCOL.u2f), which must be its only minimal encoding.
 */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { type Curve, ecdsaKey, type PublicKey, rsaKey } from '../keys/public-key.ts'
import { type WireReader, wireMpint, wireReader, wireString } from './wire.ts'

const FORMAT = 'SSH public key'
const TEXT_LIMIT = 4096
const APPLICATION_LIMIT = 256

/**
 * A public key. A security key (`sk-`) also has an application, usually `ssh:`, that its signatures
 * are bound to.
 */
export type SshPublicKey = PublicKey & { readonly application?: string }

const CURVES: readonly Curve[] = ['nistp256', 'nistp384', 'nistp521']
const SK_ED25519 = 'sk-ssh-ed25519@openssh.com'
const SK_ECDSA = 'sk-ecdsa-sha2-nistp256@openssh.com'

/** The supported algorithms. */
const ALGORITHMS: readonly string[] = [
  'ssh-ed25519',
  ...CURVES.map(curve => `ecdsa-sha2-${curve}`),
  'ssh-rsa',
  SK_ED25519,
  SK_ECDSA,
]

/** Whether a text begins as the line of an SSH public key of any algorithm. */
export function looksLikeSshKey(text: string): boolean {
  return /^(?:sk-)?(?:ssh|ecdsa)-\S* /.test(text)
}

/**
 * Parses a public key on one line, with or without a comment. Throws FormatError for certificates,
 * unsupported algorithms, options before the key, and more than one line.
 */
export function parseSshPublicKey(text: string): SshPublicKey {
  if (text.length > TEXT_LIMIT) throw malformed(`longer than ${TEXT_LIMIT} characters`)
  const [algorithm = '', encoded, ...comment] = text.split(' ')
  if (!ALGORITHMS.includes(algorithm) || encoded === undefined) {
    throw malformed(`must be one of ${ALGORITHMS.join(', ')}, one space, and the key`)
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(comment.join(' '))) throw malformed('control character in the comment')
  const blob = fromBase64(encoded)
  const key = parseSshKeyBlob(blob)
  if (sshAlgorithm(key) !== algorithm) throw malformed('the encoded key is of another algorithm')
  return key
}

/** Parses the wire form of a public key. Throws FormatError. */
export function parseSshKeyBlob(blob: Uint8Array): SshPublicKey {
  const reader = wireReader(blob, FORMAT)
  const algorithm = reader.name()
  if (!ALGORITHMS.includes(algorithm)) throw malformed('a key of another algorithm, or a certificate')
  const key = readKey(algorithm, reader)
  const whole = algorithm.startsWith('sk-') ? { ...key, application: readApplication(reader) } : key
  reader.end()
  return whole
}

/**
 * The line of a public key. `comment` may be empty and must not contain a line break. 32 raw bytes
 * stand for an Ed25519 key.
 */
export function printSshPublicKey(key: SshPublicKey | Uint8Array, comment: string): string {
  const line = `${sshAlgorithm(wholeKey(key))} ${toBase64(sshKeyBlob(key))}`
  return comment === '' ? line : `${line} ${comment}`
}

/**
 * The fingerprint of a key that `ssh-keygen -l` prints, see `sshBlobFingerprint`. 32 raw bytes
 * stand for an Ed25519 key.
 */
export function sshFingerprint(key: SshPublicKey | Uint8Array): string {
  return sshBlobFingerprint(sshKeyBlob(key))
}

/**
 * The fingerprint of a key of any algorithm: `SHA256:` and the unpadded base64 of the hash of its
 * wire form.
 */
export function sshBlobFingerprint(blob: Uint8Array): string {
  return `SHA256:${toBase64(sha256(blob)).replace(/=+$/, '')}`
}

/** The wire form of a public key. 32 raw bytes stand for an Ed25519 key. */
export function sshKeyBlob(key: SshPublicKey | Uint8Array): Uint8Array {
  const whole = wholeKey(key)
  const application = whole.application === undefined ? [] : [wireString(whole.application)]
  return Buffer.concat([wireString(sshAlgorithm(whole)), ...numbersOf(whole), ...application])
}

/** The name of a key's algorithm in its line and wire form. */
export function sshAlgorithm(key: SshPublicKey): string {
  const isSecurityKey = key.application !== undefined
  switch (key.kind) {
    case 'ed25519':
      return isSecurityKey ? SK_ED25519 : 'ssh-ed25519'
    case 'ecdsa':
      return isSecurityKey ? SK_ECDSA : `ecdsa-sha2-${key.curve}`
    case 'rsa':
      return 'ssh-rsa'
  }
}

function readKey(algorithm: string, reader: WireReader): PublicKey {
  if (algorithm === 'ssh-rsa') {
    const exponent = reader.mpint()
    return rsaKey(reader.mpint(), exponent, FORMAT)
  }
  if (algorithm === 'ssh-ed25519' || algorithm === SK_ED25519) {
    const publicKey = reader.string()
    if (publicKey.length !== 32) throw malformed('not an Ed25519 key of 32 bytes')
    return { kind: 'ed25519', publicKey }
  }
  const curve = reader.name()
  const named = CURVES.find(name => name === curve && algorithm.includes(`-sha2-${name}`))
  if (named === undefined) throw malformed('names two curves')
  return ecdsaKey(named, reader.string(), FORMAT)
}

function readApplication(reader: WireReader): string {
  const bytes = Buffer.from(reader.string())
  const application = bytes.toString('latin1')
  if (!/^[!-~]*$/.test(application) || bytes.length > APPLICATION_LIMIT) {
    throw malformed(`an application that is not printable ASCII of at most ${APPLICATION_LIMIT} characters`)
  }
  return application
}

function numbersOf(key: SshPublicKey): readonly Uint8Array[] {
  switch (key.kind) {
    case 'ed25519':
      return [wireString(key.publicKey)]
    case 'ecdsa':
      return [wireString(key.curve), wireString(key.publicKey)]
    case 'rsa':
      return [wireMpint(key.exponent), wireMpint(key.modulus)]
  }
}

function wholeKey(key: SshPublicKey | Uint8Array): SshPublicKey {
  return key instanceof Uint8Array ? { kind: 'ed25519', publicKey: key } : key
}

function malformed(what: string): FormatError {
  return new FormatError(FORMAT, what, 'the whole line')
}
