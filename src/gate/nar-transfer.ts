/** A NAR on its way from several upstreams to a client. */
import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { BytePart } from '../http/byte-range.ts'
import { printable } from '../primitives/printable.ts'
import type { GateRequest, GateResponse } from './http-request.ts'
import { asNarFault, NarFault, type NarFaults } from './nar-faults.ts'
import type { Room } from './nar-room.ts'
import { type NarFlow, type NarSource, openFlow, type Pace, type Reading } from './nar-source.ts'
import type { Spool } from './nar-spool.ts'
import type { NarTicket } from './nar-ticket.ts'
import type { NarTurns } from './nar-turns.ts'
import { NAR_HEADERS, notFound, text } from './respond.ts'

/** How long is waited for upstreams. */
export interface DeliveryTimes {
  /**
   * Milliseconds after which what has come is sent unchecked. Nix gives up after 300 seconds in
   * which nothing arrives (`stalled-download-timeout`).
   */
  readonly unchecked: number
  readonly pace: Pace
}

/** The most bytes that an upstream has to send in that time, however large the NAR is. */
const PACE_LIMIT = 8 * 1024 * 1024
/** Such times for the whole of a NAR. */
const PACES = 30

export const DELIVERY_TIMES: DeliveryTimes = {
  unchecked: 200_000,
  pace: { bytes: 64 * 1024, ms: 10_000 },
}

/** What all deliveries share. */
export interface DeliveryParts {
  readonly room: Room
  readonly turns: NarTurns
  readonly faults: NarFaults
  readonly times: DeliveryTimes
}

/** What matters of a request. */
export type NarRequest = Pick<GateRequest, 'peer' | 'range' | 'signal'>

/** A NAR on its way: what came so far, and who is left to be asked. */
export interface Transfer extends DeliveryParts {
  readonly ticket: NarTicket
  readonly request: NarRequest
  readonly spool: Spool
  readonly queue: NarSource[]
  /** Those that were given up for being slow; they are asked again when nobody else is left. */
  readonly slow: Set<NarSource>
  readonly told: Map<NarSource, NarFault>
  /** Hash and number of the bytes that have come, in order. */
  hash: Hash
  size: number
  /** Whether the client needs no more of it. */
  isOver: boolean
}

/** A transfer of which nothing has come. `sources`: in the order in which they are asked. */
export function openTransfer(
  parts: DeliveryParts & Pick<Transfer, 'ticket' | 'request' | 'spool'>,
  sources: readonly NarSource[],
): Transfer {
  const [queue, slow, told] = [[...sources], new Set<NarSource>(), new Map<NarSource, NarFault>()]
  return { ...parts, queue, slow, told, hash: createHash('sha256'), size: 0, isOver: false }
}

/** Forgets what has come. */
export function startAnew(transfer: Transfer): void {
  transfer.hash = createHash('sha256')
  transfer.size = 0
}

/** Counts and hashes a piece that came. */
export function took(transfer: Transfer, piece: Buffer): void {
  transfer.hash.update(piece)
  transfer.size += piece.length
}

/** What is wrong with what has come; undefined if it has the hash that was promised. */
export function problemOf({ ticket, hash, size }: Transfer): NarFault | undefined {
  const sum = hash.copy().digest('hex')
  if (sum === ticket.hash) return undefined
  const what = ticket.form === 'nar' ? 'NAR' : 'file'
  return new NarFault('failed', `sent another ${what}, of ${size} bytes with SHA-256 ${sum}`)
}

/** What an error means, unless nobody needs the NAR any more: then it is thrown. */
export function asBroken({ request, isOver }: Transfer, error: unknown): NarFault {
  request.signal.throwIfAborted()
  if (isOver) throw error
  return asNarFault(error)
}

/** Notes a fault. Whoever was only slow comes once more, after the others. */
export function note({ faults, told, queue, slow }: Transfer, source: NarSource, fault: NarFault): void {
  faults.note(source.file, fault)
  told.set(source, fault)
  if (fault.kind !== 'late' || slow.has(source)) return
  slow.add(source)
  queue.push(source)
}

/** Opens a source that was taken from the queue. The last one may be as slow as it is. */
export function openNext(transfer: Transfer, source: NarSource, from: number): Promise<NarFlow> {
  return openFlow(source, readingOf(transfer, source, from))
}

/** How a source is read. */
export function readingOf(transfer: Transfer, source: NarSource, from: number): Reading {
  const { ticket, turns, request, queue, slow, times } = transfer
  const { peer, signal } = request
  const pace = queue.length === 0 || slow.has(source) ? undefined : paceFor(ticket, times.pace)
  return { ticket, turns: turns.of(peer), signal, pace, from }
}

/** An upstream that would take long for the whole is given up as long as there are others. */
function paceFor({ narSize }: NarTicket, { bytes, ms }: Pace): Pace {
  return { bytes: Math.max(bytes, Math.min(PACE_LIMIT, Math.floor(narSize / PACES))), ms }
}

/** The answer when all upstreams have failed, with what each of them did. */
export function failureOf(told: Iterable<readonly [NarSource, NarFault]>): GateResponse {
  const all = [...told]
  const kinds = new Set(all.map(([, { kind }]) => kind))
  kinds.delete('absent')
  if (kinds.size === 0) return notFound()
  const isOurs = kinds.size === 1 && kinds.has('crowded')
  const next = isOurs ? 'next: try again later' : 'next: try again later, or look after these caches'
  const status = isOurs ? 503 : kinds.has('failed') ? 502 : 504
  return text(status, `nixsig: no NAR: ${wordsOf(all)}; ${next}`)
}

/** What each upstream did, escaped. */
export function wordsOf(told: Iterable<readonly [NarSource, NarFault]>): string {
  return [...told].map(([{ file }, { message }]) => `${printable(file.upstream)} ${message}`).join('; ')
}

/** Status and headers for a NAR of so many bytes, or for a part of it. */
export function headOf(part: BytePart | undefined, size: number | undefined): Omit<GateResponse, 'body'> {
  const length = part === undefined ? size : part.end - part.start + 1
  const headers = {
    ...NAR_HEADERS,
    ...(length === undefined ? {} : { 'content-length': String(length) }),
    ...(part === undefined ? {} : { 'content-range': `bytes ${part.start}-${part.end}/${size}` }),
  }
  return { status: part === undefined ? 200 : 206, headers }
}

/** A stream of these bytes. `onClose` is called once nobody reads it any more. */
export function streamOf(bytes: AsyncIterable<Buffer>, onClose: () => void): Readable {
  return Readable.from(bytes, { objectMode: false }).once('close', onClose)
}
