/** Ed25519 public keys as OpenSSH writes them: `ssh-ed25519 <base64> <comment>` (RFC 8709, section 4; sshd(8)). */
import { fromBase64, toBase64 } from '../primitives/base64.ts'
import { FormatError } from '../primitives/format-error.ts'
import { sha256 } from '../primitives/sodium.ts'

const ALGORITHM = 'ssh-ed25519'
const TEXT_LIMIT = 1024

/**
 * The 32 raw bytes of a public key, written on one line with or without a comment. Throws FormatError for any other
 * kind of key, for options before it, and for more than one line.
 */
export function parseSshPublicKey(text: string): Uint8Array {
  if (text.length > TEXT_LIMIT) throw malformed(`longer than ${TEXT_LIMIT} characters`)
  const [algorithm, encoded, ...comment] = text.split(' ')
  if (algorithm !== ALGORITHM || encoded === undefined) {
    throw malformed(`must be "${ALGORITHM}", one space, and the key; no other algorithm is supported`)
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(comment.join(' '))) throw malformed('control character in the comment')
  const blob = fromBase64(encoded)
  const publicKey = blob.slice(-32)
  if (toBase64(wireForm(publicKey)) !== encoded) throw malformed('the encoded key is not an Ed25519 key')
  return publicKey
}

/** The line of a public key of 32 raw bytes; `comment` may be empty and must be on one line. */
export function printSshPublicKey(publicKey: Uint8Array, comment: string): string {
  const line = `${ALGORITHM} ${toBase64(wireForm(publicKey))}`
  return comment === '' ? line : `${line} ${comment}`
}

/** What `ssh-keygen -l` calls a key of 32 raw bytes: `SHA256:` and unpadded base 64 of the hash of its wire form. */
export function sshFingerprint(publicKey: Uint8Array): string {
  return `SHA256:${toBase64(sha256(wireForm(publicKey))).replace(/=+$/, '')}`
}

/** Two strings, each after its length in four bytes: the name of the algorithm and the key. */
function wireForm(publicKey: Uint8Array): Uint8Array {
  return Buffer.concat([lengthPrefixed(Buffer.from(ALGORITHM, 'latin1')), lengthPrefixed(publicKey)])
}

function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(bytes.byteLength)
  return Buffer.concat([prefix, bytes])
}

function malformed(what: string): FormatError {
  return new FormatError('SSH public key', what, 'the whole line')
}
