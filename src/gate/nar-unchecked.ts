/**
 * Sends a NAR as it comes, before it could be compared: when that takes too long, or when there is
 * no room for it.
 */
import { createHash } from 'node:crypto'
import { type BytePart, partOf } from '../http/byte-range.ts'
import type { GateResponse } from './http-request.ts'
import { NarFault } from './nar-faults.ts'
import { type NarFlow, openFlow } from './nar-source.ts'
import {
  asBroken,
  headOf,
  note,
  openNext,
  problemOf,
  readingOf,
  streamOf,
  type Transfer,
  took,
  wordsOf,
} from './nar-transfer.ts'

/** Sends what is there, and then what comes. `next`: the piece after what is there. */
export function sendUnchecked(
  transfer: Transfer,
  flow: NarFlow,
  next: Promise<Buffer | undefined>,
): GateResponse {
  // If the client goes away before it reads, nobody else sees this error.
  next.catch(() => undefined)
  const part = flow.size === undefined ? undefined : partOf(transfer.request.range, flow.size)
  const going = { flow }
  const bytes = uncheckedBytes(transfer, going, next)
  const body = streamOf(part === undefined ? bytes : partIn(bytes, part), () => {
    transfer.isOver = true
    going.flow.close()
    void transfer.spool.close()
  })
  return { ...headOf(part, flow.size), body }
}

/**
 * What is there, and then what comes, all but the last piece until the whole was compared: what is
 * not as promised never ends as if it were. `going.flow` is the flow in use.
 */
async function* uncheckedBytes(
  transfer: Transfer,
  going: { flow: NarFlow },
  next: Promise<Buffer | undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  const { spool, faults } = transfer
  yield* spool.read({ start: 0, end: spool.size() - 1 })
  let held: Buffer | undefined
  for (let coming: Promise<Buffer | undefined> | undefined = next; ; coming = undefined) {
    const piece = await (coming ?? going.flow.next()).catch(error => asBroken(transfer, error))
    if (Buffer.isBuffer(piece)) {
      took(transfer, piece)
      if (held !== undefined) yield held
      held = piece
      continue
    }
    const { source, size = 0 } = going.flow
    const broken = piece ?? (transfer.size < size ? new NarFault('failed', 'ended early') : undefined)
    if (broken === undefined) break
    going.flow.close()
    note(transfer, source, broken)
    going.flow = (await goOn(transfer, going.flow.size)) ?? broke(transfer)
  }
  const wrong = problemOf(transfer)
  if (wrong !== undefined) {
    note(transfer, going.flow.source, wrong)
    broke(transfer)
  }
  faults.clear(going.flow.source.file)
  if (held !== undefined) yield held
}

/**
 * Passes on the rest of a file that is too large to be kept, from where the client has it already.
 * Nobody but Nix can compare the whole then. Undefined if no upstream sends just this rest.
 */
export async function sendRest(transfer: Transfer, from: number): Promise<GateResponse | undefined> {
  const { queue, ticket } = transfer
  if (ticket.form !== 'file' || from === 0) return undefined
  for (const source of [...queue]) {
    try {
      const flow = await openFlow(source, readingOf(transfer, source, from))
      const { size } = flow
      if (size !== undefined && flow.begin === from) {
        const body = streamOf(bytesOf(flow, transfer), flow.close)
        return { ...headOf({ start: from, end: size - 1 }, size), body }
      }
      flow.close()
    } catch (error) {
      note(transfer, source, asBroken(transfer, error))
    }
  }
  return undefined
}

async function* bytesOf(flow: NarFlow, transfer: Transfer): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let piece = await flow.next(); piece !== undefined; piece = await flow.next()) yield piece
  } catch (error) {
    note(transfer, flow.source, asBroken(transfer, error))
    broke(transfer)
  }
}

function broke(transfer: Transfer): never {
  throw new NarFault('failed', `a NAR broke off: ${wordsOf(transfer.told)}`)
}

/** The next upstream, at the byte where the last one broke off; undefined if none is left. */
async function goOn(transfer: Transfer, size: number | undefined): Promise<NarFlow | undefined> {
  const { queue, size: from } = transfer
  for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
    let flow: NarFlow | undefined
    try {
      flow = await openNext(transfer, source, from)
      const isOther = size !== undefined && flow.size !== undefined && flow.size !== size
      if (isOther) throw new NarFault('failed', `has ${flow.size} bytes, and not ${size}`)
      return await caughtUp(transfer, flow)
    } catch (error) {
      flow?.close()
      note(transfer, source, asBroken(transfer, error))
    }
  }
  return undefined
}

/** A flow after what has come already, which must be the same. Rejects with NarFault. */
async function caughtUp({ hash, size }: Transfer, flow: NarFlow): Promise<NarFlow> {
  const again = createHash('sha256')
  let rest: Buffer = Buffer.alloc(0)
  for (let left = size - flow.begin; left > 0; ) {
    const piece = await flow.next()
    if (piece === undefined) throw new NarFault('failed', `ended before byte ${size}`)
    again.update(piece.subarray(0, left))
    rest = piece.subarray(left)
    left -= piece.length - rest.length
  }
  const isSame = flow.begin === size || again.digest('hex') === hash.copy().digest('hex')
  if (!isSame) throw new NarFault('failed', 'has other contents than what another upstream sent')
  const first = rest.length > 0 ? [rest] : []
  return { ...flow, next: async () => first.pop() ?? flow.next() }
}

/** A part of these bytes. Its last piece comes when they have all come. */
async function* partIn(
  bytes: AsyncIterable<Buffer>,
  { start, end }: BytePart,
): AsyncGenerator<Buffer, void, undefined> {
  let at = 0
  let held: Buffer | undefined
  for await (const piece of bytes) {
    const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at))
    at += piece.length
    if (wanted.length === 0) continue
    if (held !== undefined) yield held
    held = wanted
  }
  if (held !== undefined) yield held
}
