/** Which of the offers of a path Nix gets its NAR from, and in which form: docs/semantics.md, G15. */
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { canDecompress } from '../files/decompressors.ts'
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

/**
 * Chooses for offers of one NAR, in the order in which they are to be used. `canUnpack`: whether
 * this machine can decompress what is compressed in this way. No offer keeps others out, whatever
 * it says of itself: those that do not fit into a ticket, or that the gate cannot read, come after
 * the others, and the form that more offers can serve is chosen. Throws FormatError if there is
 * only one, and its address is too long.
 */
export function chooseNar(
  offers: readonly [Offer, ...Offer[]],
  canUnpack: (compression: string) => boolean = canDecompress,
): NarChoice {
  const [only] = offers
  if (offers.length === 1) return onTheirOwn(only)
  const fitting = offers.filter(offer => isShort(fileOf(offer)))
  const alike = mostAlike(fitting)
  const isOneFile = alike.length > 1 && alike.length === fitting.length
  if (isOneFile) return asOneFile(alike)
  // Only for files that differ: a look at the disk takes longer than all the rest here.
  const unpackable = fitting.filter(offer => canUnpack(compressionOf(offer)))
  if (alike.length > Math.max(1, unpackable.length)) return asOneFile(alike)
  if (unpackable.length > 1) {
    const { narHash, narSize } = only.narinfo
    const ticket = fittingTicket({ form: 'nar', hash: narHash, narSize, files: unpackable.map(fileOf) })
    const fields = { compression: 'none', fileHash: narHash, fileSize: narSize }
    return { kind: 'ticket', ticket, fields }
  }
  // What the gate cannot read comes last, whoever offers it, and what fits into no ticket after it.
  return onTheirOwn(unpackable[0] ?? fitting[0] ?? offers.find(({ nar }) => nar.kind === 'url') ?? only)
}

/**
 * The most of these offers that state the same file: of several such sets, the one that comes
 * first. In their order, and a single one if no two agree.
 */
function mostAlike(offers: readonly Offer[]): readonly Offer[] {
  let most: readonly Offer[] = []
  for (const one of offers) {
    const alike = offers.filter(offer => isSameFile(offer, one))
    if (alike.length > most.length) most = alike
  }
  return most
}

/** Offers of the same file, which is sent as it is. There is at least one. */
function asOneFile(alike: readonly Offer[]): NarChoice {
  const [{ narinfo }] = alike as readonly [Offer]
  const { compression, fileHash = '', fileSize, narSize } = narinfo
  const ticket = fittingTicket({ form: 'file', hash: fileHash, narSize, files: alike.map(fileOf) })
  // A size that they do not agree on is left out: nothing but a progress bar depends on it.
  const isOneSize = alike.every(offer => offer.narinfo.fileSize === fileSize)
  return {
    kind: 'ticket',
    ticket,
    fields: { compression, fileHash, fileSize: isOneSize ? fileSize : undefined },
  }
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
