/**
 * Sends a NAR that several upstreams offer: docs/semantics.md, G15. What comes is kept until it is
 * compared with the hash that was promised, and an upstream that fails is replaced by the next one
 * before the client gets anything. Where that takes too long, or there is no room for it, what comes
 * is sent on as it comes, all but the last piece; then the next upstream goes on where one broke off.
 */
import { fileLimit } from '../evidence/upstreams/read-nar.ts'
import { partOf, restFrom } from '../http/byte-range.ts'
import type { GateResponse } from './http-request.ts'
import { SPOOL_LIMIT } from './nar-room.ts'
import type { NarFlow, NarSource } from './nar-source.ts'
import { openSpool } from './nar-spool.ts'
import type { NarTicket } from './nar-ticket.ts'
import {
  asBroken,
  type DeliveryParts,
  failureOf,
  headOf,
  type NarRequest,
  note,
  openNext,
  openTransfer,
  problemOf,
  startAnew,
  streamOf,
  type Transfer,
  took,
} from './nar-transfer.ts'
import { sendRest, sendUnchecked } from './nar-unchecked.ts'

/**
 * The answer to a request for a ticket's NAR. `sources`: its files, in the order in which they are
 * asked. Rejects only if the client goes away.
 */
export async function deliverNar(
  ticket: NarTicket,
  sources: readonly NarSource[],
  request: NarRequest,
  parts: DeliveryParts,
): Promise<GateResponse> {
  const room = parts.room.take(request.peer, Math.min(SPOOL_LIMIT, mostOf(ticket)))
  const spool = openSpool(room)
  const transfer = openTransfer({ ...parts, ticket, request, spool }, sources)
  if (room === undefined) {
    const rest = await sendRest(transfer, restFrom(request.range))
    if (rest !== undefined) return rest
  }
  const patience = openPatience(parts.times.unchecked)
  try {
    const response = await gather(transfer, patience)
    if (response !== undefined) return response
    await spool.close()
    return failureOf(transfer.told)
  } catch (error) {
    await spool.close()
    throw error
  } finally {
    patience.stop()
  }
}

/** The most bytes that may come of it. */
function mostOf({ form, narSize }: NarTicket): number {
  return form === 'nar' ? narSize : fileLimit(narSize)
}

/** The answer once an upstream has sent all of it, or too slowly; undefined if all have failed. */
async function gather(transfer: Transfer, patience: Patience): Promise<GateResponse | undefined> {
  const { queue, spool, faults } = transfer
  for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
    let flow: NarFlow | undefined
    try {
      await spool.reset()
      startAnew(transfer)
      flow = await openNext(transfer, source, 0)
      const rest = await fill(transfer, flow, patience)
      if (rest !== undefined) return sendUnchecked(transfer, flow, rest.next)
      const wrong = problemOf(transfer)
      if (wrong !== undefined) throw wrong
      faults.clear(source.file)
      return sendChecked(transfer)
    } catch (error) {
      flow?.close()
      note(transfer, source, asBroken(transfer, error))
    }
  }
  return undefined
}

/**
 * Keeps what comes until its end; or until there is no more room or time, and then returns the piece
 * that comes next.
 */
async function fill(
  transfer: Transfer,
  flow: NarFlow,
  patience: Patience,
): Promise<{ readonly next: Promise<Buffer | undefined> } | undefined> {
  for (;;) {
    const next = flow.next()
    const piece = await patience.waitFor(next)
    if (piece === 'over') return { next }
    if (piece === undefined) return undefined
    if (!(await transfer.spool.write(piece))) return { next }
    took(transfer, piece)
  }
}

function sendChecked({ spool, request: { range } }: Transfer): GateResponse {
  const size = spool.size()
  const part = partOf(range, size)
  const bytes = spool.read(part ?? { start: 0, end: size - 1 })
  return { ...headOf(part, size), body: streamOf(bytes, () => void spool.close()) }
}

/** Waits for things for so many milliseconds in all. */
interface Patience {
  /** What a promise resolves to, or `over` if the time is over before. */
  waitFor<T>(promise: Promise<T>): Promise<T | 'over'>
  stop(): void
}

function openPatience(milliseconds: number): Patience {
  let isOver = false
  let giveUp = () => {}
  const timer = setTimeout(() => {
    isOver = true
    giveUp()
  }, milliseconds)
  return {
    waitFor: promise =>
      new Promise((resolve, reject) => {
        giveUp = () => resolve('over')
        if (isOver) giveUp()
        promise.then(resolve, reject)
      }),
    stop: () => clearTimeout(timer),
  }
}
