/**
 * The address of a NAR that Nix gets through the gate:
 *
 *     nar/<upstream>/<file>/<signature>
 *
 * `upstream` is the first 16 hex digits of the SHA-256 of the upstream's address. `file` is the
 * upstream's name for the NAR, and `signature` is a signature of both by the gate's key; both are
 * in base64url. So clients can get nothing from an upstream that the gate has not offered itself,
 * and any gate with the same key accepts the ticket.
 */
import type { KeyPair } from '../crypto/secret-key.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256, signEd25519, verifyEd25519 } from '../primitives/sodium.ts'

/** Longest ticket, in characters: the gate accepts no path of more than 2048. */
const TICKET_LIMIT = 2000
const TICKET = /^nar\/([0-9a-f]{16})\/([A-Za-z0-9_-]+)\/([A-Za-z0-9_-]{86})$/

/** A file of an upstream. */
export interface NarFile {
  /** The upstream's address. */
  readonly upstream: string
  /** Path relative to that address. */
  readonly file: string
}

/** The ticket for a file. Throws FormatError if it is too long for a request. */
export function narTicket(key: KeyPair, { upstream, file }: NarFile): string {
  const signature = signEd25519(messageOf(upstream, file), key.secretKey)
  const ticket = `nar/${idOf(upstream)}/${toBase64Url(Buffer.from(file, 'utf8'))}/${toBase64Url(signature)}`
  if (ticket.length <= TICKET_LIMIT) return ticket
  throw new FormatError('narinfo', 'its URL is too long to be passed on', `length ${file.length}`)
}

/**
 * The file that a ticket stands for. Undefined unless the gate's key signed it for one of these
 * upstreams.
 */
export function readNarTicket(
  key: Pick<KeyPair, 'publicKey'>,
  upstreams: readonly string[],
  ticket: string,
): NarFile | undefined {
  const [, id, name, signature] = TICKET.exec(ticket) ?? []
  const upstream = upstreams.find(address => idOf(address) === id)
  if (upstream === undefined || name === undefined || signature === undefined) return undefined
  const file = Buffer.from(name, 'base64url').toString('utf8')
  const signed = Buffer.from(signature, 'base64url')
  // Only the canonical base64url spelling of a ticket is accepted.
  if (toBase64Url(Buffer.from(file, 'utf8')) !== name || toBase64Url(signed) !== signature) return undefined
  return verifyEd25519(messageOf(upstream, file), signed, key.publicKey) ? { upstream, file } : undefined
}

/**
 * No fingerprint of a store path begins like this, so a ticket's signature cannot be used as a
 * signature of a path, nor the other way round.
 */
function messageOf(upstream: string, file: string): Uint8Array {
  return Buffer.from(`nixsig-nar-1\n${upstream}\n${file}`, 'utf8')
}

function idOf(upstream: string): string {
  return toHex(sha256(Buffer.from(upstream, 'utf8'))).slice(0, 16)
}

function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
