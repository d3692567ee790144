/**
 * The address of a NAR that Nix gets through the gate:
 *
 *     nar/<what>/<signature>
 *
 * `what` says which files of which upstreams the address stands for. Its first line is the form in
 * which the NAR is sent, the SHA-256 of what is sent (of the NAR where nothing is compared), and the
 * size of the NAR. A line for each file follows: the upstream, as the first 128 bits of the SHA-256
 * of its address, then the compression, then the upstream's name for the file. `signature` is a
 * signature of all this by the gate's key. Both are in base64url. So clients can get nothing from an
 * upstream that the gate has not offered itself, and any gate with the same key accepts the ticket.
 */
import type { KeyPair } from '../crypto/secret-key.ts'
import { FormatError } from '../primitives/format-error.ts'
import { sha256, signEd25519, verifyEd25519 } from '../primitives/sodium.ts'

/** Longest ticket, in characters: the gate accepts no path of more than 2048. */
const TICKET_LIMIT = 2000
/** The most files of one ticket. */
const FILES_LIMIT = 16
const TICKET = /^nar\/([A-Za-z0-9_-]+)\/([A-Za-z0-9_-]{86})$/
const HEAD = /^(passed|file|nar) ([0-9a-f]{64}) ([1-9][0-9]{0,15})$/
const FILE = /^([A-Za-z0-9_-]{22}) ([!-~]+) ([!-~]+)$/

/** A file of an upstream. */
export interface NarFile {
  /** The upstream's address. */
  readonly upstream: string
  /** Path relative to that address. */
  readonly file: string
  /** As narinfo files name it, never empty. */
  readonly compression: string
}

/** What a ticket stands for. */
export interface NarTicket {
  /**
   * What is sent: `passed`, the file of the one upstream, as it comes; `file`, the file that all of
   * these upstreams have; `nar`, the decompressed NAR, from files that may differ.
   */
  readonly form: 'passed' | 'file' | 'nar'
  /** SHA-256, lower-case hex: of the file if the form is `file`, else of the NAR. */
  readonly hash: string
  readonly narSize: number
  /** In the order in which they are asked. */
  readonly files: readonly NarFile[]
}

/** The ticket with the first files of those that fit into a request, perhaps with none. */
export function fittingTicket(ticket: NarTicket): NarTicket {
  const files: NarFile[] = []
  let { length } = printHead(ticket)
  for (const file of ticket.files) {
    const more = length + '\n'.length + printFile(file).length
    if (files.length === FILES_LIMIT || lengthOf(more) > TICKET_LIMIT) continue
    files.push(file)
    length = more
  }
  return { ...ticket, files }
}

/** The address for Nix. Throws FormatError if it is too long for a request. */
export function narTicket(key: KeyPair, ticket: NarTicket): string {
  const text = printTicket(ticket)
  if (lengthOf(text.length) > TICKET_LIMIT || ticket.files.length > FILES_LIMIT)
    throw new FormatError('narinfo', 'its URL is too long to be passed on', `length ${text.length}`)
  return `nar/${toBase64Url(Buffer.from(text))}/${toBase64Url(signEd25519(messageOf(text), key.secretKey))}`
}

/**
 * What a ticket stands for, with those of its files that belong to one of these upstreams. Undefined
 * if none of them does, or if the gate's key did not sign the ticket.
 */
export function readNarTicket(
  key: Pick<KeyPair, 'publicKey'>,
  upstreams: readonly string[],
  ticket: string,
): NarTicket | undefined {
  const [, what, signature] = TICKET.exec(ticket) ?? []
  if (what === undefined || signature === undefined || ticket.length > TICKET_LIMIT) return undefined
  const text = Buffer.from(what, 'base64url').toString('latin1')
  const signed = Buffer.from(signature, 'base64url')
  // Only the canonical base64url spelling of a ticket is accepted.
  if (toBase64Url(Buffer.from(text, 'latin1')) !== what || toBase64Url(signed) !== signature) return undefined
  return verifyEd25519(messageOf(text), signed, key.publicKey) ? parseTicket(text, upstreams) : undefined
}

function printTicket(ticket: NarTicket): string {
  return [printHead(ticket), ...ticket.files.map(printFile)].join('\n')
}

function printHead({ form, hash, narSize }: NarTicket): string {
  return `${form} ${hash} ${narSize}`
}

function printFile({ upstream, compression, file }: NarFile): string {
  return `${idOf(upstream)} ${compression} ${file}`
}

function parseTicket(text: string, upstreams: readonly string[]): NarTicket | undefined {
  const [head = '', ...lines] = text.split('\n')
  const [, form, hash, narSize] = HEAD.exec(head) ?? []
  const known = new Map(upstreams.map(upstream => [idOf(upstream), upstream]))
  const files = lines.flatMap((line): readonly NarFile[] => {
    const [, id = '', compression, file] = FILE.exec(line) ?? []
    const upstream = known.get(id)
    if (upstream === undefined || compression === undefined || file === undefined) return []
    return [{ upstream, compression, file }]
  })
  if (form === undefined || hash === undefined || files.length === 0) return undefined
  return { form: form as NarTicket['form'], hash, narSize: Number(narSize), files }
}

/** Characters of the address whose `what` says so many. */
function lengthOf(length: number): number {
  return 'nar/'.length + Math.ceil((length * 4) / 3) + '/'.length + 86
}

/**
 * No fingerprint of a store path begins like this, so a ticket's signature cannot be used as a
 * signature of a path, nor the other way round.
 */
function messageOf(text: string): Uint8Array {
  return Buffer.from(`nixsig-nar-2\n${text}`, 'latin1')
}

function idOf(upstream: string): string {
  return toBase64Url(sha256(Buffer.from(upstream, 'utf8')).subarray(0, 16))
}

function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
