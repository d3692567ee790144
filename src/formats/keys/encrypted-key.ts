/**
 * Secret keys that are protected by a passphrase: five lines of text, described in
 * docs/attestations.md. All but the last field is plain text, which the last field authenticates.
 *
 *     nixsig encrypted secret key 1
 *     name alice-1
 *     public-key <32 bytes>
 *     argon2id <passes> <KiB of memory> <salt, 16 bytes>
 *     xchacha20-poly1305 <nonce, 24 bytes> <the encrypted 32-byte seed and a 16-byte tag>
 *
 * Bytes are in standard, padded base64. Each key has only one spelling.
 */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { Argon2Cost } from '../../primitives/sodium.ts'

const FORMAT = 'encrypted secret key'
const FIRST_LINE = 'nixsig encrypted secret key 1'
const TEXT_LIMIT = 4096
const NAME_LIMIT = 256

/** The cost of new keys: half a second of work. libsodium calls it moderate. */
export const USUAL_COST: Argon2Cost = { passes: 3, kibibytes: 256 * 1024 }

/** The highest cost that is read; the usual cost is the lowest. */
const COST_LIMIT: Argon2Cost = { passes: 16, kibibytes: 1024 * 1024 }

/** The parsed text of an encrypted key. */
export interface EncryptedKey {
  /** A hint for people, without spaces and colons. */
  readonly name: string
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array
  readonly cost: Argon2Cost
  /** 16 bytes. */
  readonly salt: Uint8Array
  /** 24 bytes. */
  readonly nonce: Uint8Array
  /** 48 bytes. */
  readonly ciphertext: Uint8Array
}

/** Whether a file begins as an encrypted key does. */
export function looksEncrypted(text: string): boolean {
  return text.startsWith('nixsig encrypted')
}

/** Parses a whole file, whose lines each end in one newline. Throws FormatError. */
export function parseEncryptedKey(text: string): EncryptedKey {
  if (text.length > TEXT_LIMIT) throw malformed(`longer than ${TEXT_LIMIT} characters`, 1)
  const lines = text.split('\n')
  if (lines.length !== 6 || lines[5] !== '') throw malformed('not five whole lines', lines.length)
  if (lines[0] !== FIRST_LINE) throw malformed(`of another version than "${FIRST_LINE}"`, 1)
  const [name = ''] = fieldsOf(lines, 1, 'name', 1)
  if (name.length > NAME_LIMIT || !/^[!-9;-~]+$/.test(name)) throw malformed('not a valid name', 2)
  const [publicKey = ''] = fieldsOf(lines, 2, 'public-key', 1)
  const [passes = '', kibibytes = '', salt = ''] = fieldsOf(lines, 3, 'argon2id', 3)
  const [nonce = '', ciphertext = ''] = fieldsOf(lines, 4, 'xchacha20-poly1305', 2)
  return {
    name,
    publicKey: bytesOf(publicKey, 32, 3),
    cost: { passes: costOf(passes, 'passes'), kibibytes: costOf(kibibytes, 'kibibytes') },
    salt: bytesOf(salt, 16, 4),
    nonce: bytesOf(nonce, 24, 5),
    ciphertext: bytesOf(ciphertext, 48, 5),
  }
}

/** The text of an encrypted key, as parseEncryptedKey reads it. */
export function printEncryptedKey(key: EncryptedKey): string {
  return `${openPart(key)}xchacha20-poly1305 ${toBase64(key.nonce)} ${toBase64(key.ciphertext)}\n`
}

/** The plain-text lines, which the encryption authenticates. */
export function openPart({
  name,
  publicKey,
  cost,
  salt,
}: Omit<EncryptedKey, 'nonce' | 'ciphertext'>): string {
  return [
    FIRST_LINE,
    `name ${name}`,
    `public-key ${toBase64(publicKey)}`,
    `argon2id ${cost.passes} ${cost.kibibytes} ${toBase64(salt)}`,
    '',
  ].join('\n')
}

/** The fields after a keyword on the line with this index, from 0. Throws FormatError. */
function fieldsOf(
  lines: readonly string[],
  index: number,
  keyword: string,
  count: number,
): readonly string[] {
  const [first, ...fields] = (lines[index] ?? '').split(' ')
  if (first === keyword && fields.length === count) return fields
  throw malformed(`must be "${keyword}" and ${count} fields`, index + 1)
}

function bytesOf(field: string, count: number, line: number): Uint8Array {
  const bytes = decode(field, line)
  if (bytes.length !== count) throw malformed(`${bytes.length} bytes where there must be ${count}`, line)
  return bytes
}

function decode(field: string, line: number): Uint8Array {
  try {
    return fromBase64(field)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError(FORMAT, 'not standard padded base 64', `line ${line}`, { cause: error })
  }
}

/**
 * A hostile file must neither allocate gigabytes nor make a passphrase cheap to guess. Throws
 * FormatError.
 */
function costOf(field: string, unit: keyof Argon2Cost): number {
  const value = /^[1-9][0-9]{0,8}$/.test(field) ? Number(field) : 0
  const [least, most] = [USUAL_COST[unit], COST_LIMIT[unit]]
  if (value < least || value > most) throw malformed(`${unit} of Argon2id not from ${least} to ${most}`, 4)
  return value
}

function malformed(what: string, line: number): FormatError {
  return new FormatError(FORMAT, what, `line ${line}`)
}
