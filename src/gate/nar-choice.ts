/** Which of the offers of a path Nix gets its NAR from, and in which form: docs/semantics.md, G15. */
import type { Offer } from '../evidence/upstreams/upstream.ts'
import { findProgram } from '../files/programs.ts'
import type { Narinfo } from '../formats/nix/narinfo.ts'
import { SPOOL_LIMIT } from './nar-room.ts'
import { fittingTicket, type NarFile, type NarTicket } from './nar-ticket.ts'

/**
 * Where Nix gets the NAR: at its upstream, or at the gate. `fields`: what the narinfo says of the
 * file there.
 */
export type NarChoice =
  | { readonly kind: 'direct'; readonly url: string }
  | {
      readonly kind: 'ticket'
      readonly ticket: NarTicket
      readonly fields: Pick<Narinfo, 'compression' | 'fileHash' | 'fileSize'>
    }

/** Compressions for which no program is needed. */
const BUILT_IN = ['none', 'gzip', 'br']
const BY_PROGRAM = ['xz', 'bzip2', 'zstd', 'lzip']

/**
 * Chooses for offers of one NAR, in the order in which they are to be used. `canUnpack`: whether
 * this machine can decompress what is compressed in this way.
 */
export function chooseNar(
  offers: readonly [Offer, ...Offer[]],
  canUnpack: (compression: string) => boolean = hasProgramFor,
): NarChoice {
  const [first] = offers
  const { narHash, narSize, compression, fileHash, fileSize } = first.narinfo
  const alike = offers.filter(offer => isSameFile(offer, first))
  const unpackable = narSize > SPOOL_LIMIT ? [] : offers.filter(offer => canUnpack(compressionOf(offer)))
  if (unpackable.length > Math.max(1, alike.length)) {
    const ticket = fittingTicket({ form: 'nar', hash: narHash, narSize, files: unpackable.map(fileOf) })
    const fields = { compression: 'none', fileHash: narHash, fileSize: narSize }
    if (ticket.files.length > 1) return { kind: 'ticket', ticket, fields }
  }
  if (alike.length > 1 && fileHash !== undefined) {
    const ticket = fittingTicket({ form: 'file', hash: fileHash, narSize, files: alike.map(fileOf) })
    // A size that they do not agree on is left out: nothing but a progress bar depends on it.
    const isOneSize = alike.every(({ narinfo }) => narinfo.fileSize === fileSize)
    const fields = { compression, fileHash, fileSize: isOneSize ? fileSize : undefined }
    if (ticket.files.length > 1) return { kind: 'ticket', ticket, fields }
  }
  if (first.nar.kind === 'url') return { kind: 'direct', url: first.nar.url }
  const ticket: NarTicket = { form: 'passed', hash: narHash, narSize, files: [fileOf(first)] }
  return { kind: 'ticket', ticket, fields: { compression, fileHash, fileSize } }
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
