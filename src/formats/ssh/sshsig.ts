/** SSH signatures over files and messages (PROTOCOL.sshsig; draft-josefsson-sshsig-format). */
import { fromBase64, toBase64 } from '../../primitives/base64.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { decodeUtf8 } from '../json/strict.ts'
import { wireReader, wireString, wireUint32 } from './wire.ts'

const FORMAT = 'SSH signature'
const SIZE_LIMIT = 64 * 1024
const NAMESPACE_LIMIT = 256
/** Characters of base64 per line, as ssh-keygen writes them. */
const LINE = 70

const MAGIC = 'SSHSIG'
const VERSION = 1
const BEGIN = '-----BEGIN SSH SIGNATURE-----'
const END = '-----END SSH SIGNATURE-----'

/** The hash algorithms of SSH signatures. */
export type SshSignatureHash = 'sha256' | 'sha512'

/** A parsed SSH signature. */
export interface SshSignature {
  /** The wire form of the claimed key. Not parsed, because it may be of an unknown kind. */
  readonly keyBlob: Uint8Array
  /** The purpose of the signature, such as `file` or `git`. Not empty, not escaped. */
  readonly namespace: string
  /** The algorithm of the message hash that is signed. */
  readonly hash: SshSignatureHash
  /**
   * The signature in SSH's form: its algorithm, the signature, and what else the algorithm adds.
   * Not parsed.
   */
  readonly signature: Uint8Array
}

/**
 * Whether a text is a namespace that ssh-keygen does not read as a list or pattern (ssh-keygen(1),
 * ALLOWED SIGNERS).
 */
export function isExactNamespace(text: string): boolean {
  return /^[^\s,"*?!\\]+$/.test(text) && Buffer.byteLength(text, 'utf8') <= NAMESPACE_LIMIT
}

/** Whether a file begins as an SSH signature does. */
export function looksLikeSshSignature(file: Uint8Array): boolean {
  return Buffer.from(file.subarray(0, BEGIN.length)).toString('latin1') === BEGIN
}

/**
 * Parses a signature file. Stricter than the specification and ssh-keygen: only newlines follow the
 * end; the reserved field, which no signature covers, is empty; and the base64 has one spelling
 * except for its line breaks. Throws FormatError.
 */
export function parseSshSignature(file: Uint8Array): SshSignature {
  if (file.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`)
  return parseSshSignatureBlob(dearmor(Buffer.from(file).toString('latin1')))
}

/** Parses a signature without the armour of a file. Throws FormatError. */
export function parseSshSignatureBlob(blob: Uint8Array): SshSignature {
  if (blob.length > SIZE_LIMIT) throw malformed(`larger than ${SIZE_LIMIT} bytes`)
  const reader = wireReader(blob, FORMAT)
  if (Buffer.from(reader.bytes(MAGIC.length)).toString('latin1') !== MAGIC) throw malformed('no "SSHSIG"')
  const version = reader.uint32()
  if (version !== VERSION) throw malformed(`of version ${version}, and ${VERSION} is known`)
  const keyBlob = reader.string()
  const namespace = readNamespace(reader.string())
  if (reader.string().length > 0) throw malformed('the reserved field is not empty')
  const hash = reader.name()
  if (hash !== 'sha256' && hash !== 'sha512') throw malformed(`unknown hash "${printable(hash, 80)}"`)
  const signature = reader.string()
  reader.end()
  return { keyBlob, namespace, hash, signature }
}

/** The signature file, as ssh-keygen writes it. */
export function printSshSignature(signature: SshSignature): string {
  const lines = toBase64(printSshSignatureBlob(signature)).match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []
  return `${[BEGIN, ...lines, END].join('\n')}\n`
}

/** The signature without armour, as parseSshSignatureBlob reads it. */
export function printSshSignatureBlob({ keyBlob, namespace, hash, signature }: SshSignature): Uint8Array {
  return Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    wireUint32(VERSION),
    ...[keyBlob, namespace, '', hash, signature].map(wireString),
  ])
}

/** Whether a signature without armour begins as one by the key with this wire form. */
export function namesSshKey(blob: Uint8Array, keyBlob: Uint8Array): boolean {
  const start = Buffer.concat([Buffer.from(MAGIC, 'latin1'), wireUint32(VERSION), wireString(keyBlob)])
  return start.equals(blob.subarray(0, start.length))
}

/** The bytes that are signed for a message with this hash (PROTOCOL.sshsig, section 3). */
export function sshSignedData(namespace: string, hash: SshSignatureHash, digest: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(MAGIC, 'latin1'), ...[namespace, '', hash, digest].map(wireString)])
}

function dearmor(text: string): Uint8Array {
  const lines = text.split('\n')
  if (lines[0] !== BEGIN) throw malformed(`does not begin with "${BEGIN}"`)
  const end = lines.indexOf(END)
  if (end < 0) throw malformed(`no line "${END}"`)
  if (lines.slice(end + 1).some(line => line !== '')) throw malformed('goes on after its end')
  const body = lines.slice(1, end)
  const empty = body.indexOf('')
  if (empty >= 0) throw malformed('an empty line', `line ${empty + 2}`)
  return fromBase64(body.join(''))
}

function readNamespace(bytes: Uint8Array): string {
  const namespace = decodeUtf8(bytes, FORMAT)
  if (namespace === '' || bytes.length > NAMESPACE_LIMIT || namespace.includes('\0')) {
    throw malformed(`a namespace that is empty or longer than ${NAMESPACE_LIMIT} bytes`)
  }
  return namespace
}

function malformed(what: string, where = 'the whole file'): FormatError {
  return new FormatError(FORMAT, what, where)
}
