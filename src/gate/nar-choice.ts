/** Which of the offers of a path Nix gets its NAR from, and in which form: docs/semantics.md, G15. */
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { findProgram } from '../files/programs.ts'
import type { Narinfo } from '../formats/nix/narinfo.ts'
import { fittingTicket, type NarFile, type NarTicket } from './nar-ticket.ts'

/**
 * Where Nix gets the NAR: at its upstream, or at the gate. `fields`: what the narinfo says of the
 * file there.
 */
export type NarChoice = { readonly fields: Pick<Narinfo, 'compression' | 'fileHash' | 'fileSize'> } & (
  | { readonly kind: 'direct'; readonly url: string }
  | { readonly kind: 'ticket'; readonly ticket: NarTicket }
)

/** Compressions for which no program is needed. */
const BUILT_IN = ['none', 'gzip', 'br']
const BY_PROGRAM = ['xz', 'bzip2', 'zstd', 'lzip']

/**
 * Chooses for offers of one NAR, in the order in which they are to be used. `canUnpack`: whether
 * this machine can decompress what is compressed in this way. No offer keeps others out, whatever
 * it says of itself: those that do not fit into a ticket, or that the gate cannot read, come after
 * the others. Throws FormatError if there is only one, and its address is too long.
 */
export function chooseNar(
  offers: readonly [Offer, ...Offer[]],
  canUnpack: (compression: string) => boolean = hasProgramFor,
): NarChoice {
  const [only] = offers
  if (offers.length === 1) return onTheirOwn(only)
  const { narHash, narSize } = only.narinfo
  const fitting = offers.filter(offer => isShort(fileOf(offer)))
  const first = fitting[0] ?? offers.find(({ nar }) => nar.kind === 'url') ?? only
  const alike = fitting.filter(offer => isSameFile(offer, first))
  const { compression, fileHash, fileSize } = first.narinfo
  const isOneFile = alike.length > 1 && alike.length === fitting.length
  // Only for files that differ: a look at the disk takes longer than all the rest here.
  const unpackable = isOneFile ? [] : fitting.filter(offer => canUnpack(compressionOf(offer)))
  if (fileHash !== undefined && alike.length > 1 && unpackable.length === 0) {
    const ticket = fittingTicket({ form: 'file', hash: fileHash, narSize, files: alike.map(fileOf) })
    // A size that they do not agree on is left out: nothing but a progress bar depends on it.
    const isOneSize = alike.every(({ narinfo }) => narinfo.fileSize === fileSize)
    const fields = { compression, fileHash, fileSize: isOneSize ? fileSize : undefined }
    return { kind: 'ticket', ticket, fields }
  }
  if (unpackable.length > 1) {
    const ticket = fittingTicket({ form: 'nar', hash: narHash, narSize, files: unpackable.map(fileOf) })
    const fields = { compression: 'none', fileHash: narHash, fileSize: narSize }
    return { kind: 'ticket', ticket, fields }
  }
  // What the gate cannot read comes last, whoever offers it.
  return onTheirOwn(unpackable[0] ?? first)
}

/** An offer that nothing stands in for. */
function onTheirOwn(offer: Offer): NarChoice {
  const { narHash, narSize, compression, fileHash, fileSize } = offer.narinfo
  const fields = { compression, fileHash, fileSize }
  if (offer.nar.kind === 'url') return { kind: 'direct', url: offer.nar.url, fields }
  const ticket: NarTicket = { form: 'passed', hash: narHash, narSize, files: [fileOf(offer)] }
  return { kind: 'ticket', ticket, fields }
}

/** The most characters of a file's name, so that it leaves room for others in a ticket. */
const NAME_LIMIT = 200

function isShort({ file, compression }: NarFile): boolean {
  return file.length + compression.length <= NAME_LIMIT
}

/** Whether two offers state the same file. */
function isSameFile(one: Offer, other: Offer): boolean {
  if (one === other) return true
  const { fileHash } = one.narinfo
  return (
    fileHash !== undefined &&
    fileHash === other.narinfo.fileHash &&
    compressionOf(one) === compressionOf(other)
  )
}

/** As in Nix, a narinfo that names no compression means bzip2. */
function compressionOf({ narinfo }: Offer): string {
  return narinfo.compression || 'bzip2'
}

function fileOf(offer: Offer): NarFile {
  const { upstream, nar } = offer
  const file = nar.url.startsWith(`${upstream}/`) ? nar.url.slice(upstream.length + 1) : nar.url
  return { upstream, file, compression: compressionOf(offer) }
}

function hasProgramFor(compression: string): boolean {
  if (BUILT_IN.includes(compression)) return true
  return BY_PROGRAM.includes(compression) && findProgram(compression) !== undefined
}
