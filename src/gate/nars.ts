import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { GateRequest, GateResponse } from './http-request.ts'
import { deliverNar } from './nar-delivery.ts'
import { asNarFault, type NarFault, type NarFaults, openNarFaults } from './nar-faults.ts'
import { openRoom } from './nar-room.ts'
import { type NarSource, openFile } from './nar-source.ts'
import { type NarTicket, readNarTicket } from './nar-ticket.ts'
import { DELIVERY_TIMES, type DeliveryParts, failureOf, headOf, streamOf } from './nar-transfer.ts'
import { openNarTurns } from './nar-turns.ts'
import { NAR_HEADERS, notFound } from './respond.ts'
import type { GateParts } from './substituter.ts'

/** Where in the state directory NARs wait to be checked. */
const DIRECTORY = 'nars'

/**
 * Serves NARs that Nix gets through the gate, for tickets that a gate with this key issued: those
 * that several upstreams offer, and those that Nix cannot fetch itself.
 */
export function openNars({ places, kept, key, upstreams, log }: Omit<GateParts, 'metrics'>) {
  const faults = openNarFaults(log)
  const room = openRoom(join(places.state, DIRECTORY), ({ message }) =>
    log('error', 'NARs cannot be checked before they are sent', { why: message }),
  )
  const parts = { faults, room, turns: openNarTurns(), times: DELIVERY_TIMES }

  function serve(request: GateRequest): GateResponse | Promise<GateResponse> {
    const { list } = upstreams.current(kept.policy())
    const addresses = list.map(({ url }) => url)
    const ticket = readNarTicket(key, addresses, request.path.slice(1))
    const sources = faults.sort(ticket?.files ?? []).flatMap((file): readonly NarSource[] => {
      const upstream = list.find(({ url }) => url === file.upstream)
      return upstream === undefined ? [] : [{ file, upstream }]
    })
    const [first] = sources
    if (ticket === undefined || first === undefined) return notFound()
    if (request.method === 'HEAD') return look(ticket, sources, request, parts)
    if (ticket.form === 'passed') return pass(first, request, parts)
    return deliverNar(ticket, sources, request, parts)
  }

  return {
    async answer(request: GateRequest): Promise<GateResponse> {
      try {
        return await serve(request)
      } catch (error) {
        // Nobody reads the answer.
        if (request.signal.aborted) return notFound()
        throw error
      }
    },
  }
}

/** Passes on the file of the only upstream. */
async function pass(
  source: NarSource,
  { range, peer, signal }: GateRequest,
  { faults, turns }: DeliveryParts,
): Promise<GateResponse> {
  try {
    const options = { ...(range === undefined ? {} : { range }), signal, turns: turns.of(peer) }
    const streamed = await openFile(source, options)
    const { status, length, contentRange, body } = streamed
    const headers = {
      ...NAR_HEADERS,
      ...(length === undefined ? {} : { 'content-length': String(length) }),
      ...(contentRange === undefined ? {} : { 'content-range': contentRange }),
    }
    const bytes = passed(body, source, { signal, faults })
    return { status, headers, body: streamOf(bytes, () => body.destroy()) }
  } catch (error) {
    signal.throwIfAborted()
    const fault = asNarFault(error)
    faults.note(source.file, fault)
    return failureOf([[source, fault]])
  }
}

async function* passed(
  body: Readable,
  { file }: NarSource,
  { signal, faults }: { readonly signal: AbortSignal; readonly faults: NarFaults },
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body as AsyncIterable<Buffer>
  } catch (error) {
    signal.throwIfAborted()
    const fault = asNarFault(error)
    faults.note(file, fault)
    throw fault
  }
}

/** Asks whether any upstream has it, and reads nothing of it. */
async function look(
  { form, narSize }: NarTicket,
  sources: readonly NarSource[],
  { peer, signal }: GateRequest,
  { turns }: DeliveryParts,
): Promise<GateResponse> {
  const told: [NarSource, NarFault][] = []
  for (const source of sources) {
    try {
      const { length, body } = await openFile(source, { signal, turns: turns.of(peer) })
      // The body is not read: the answer to a HEAD request has none.
      return { ...headOf(undefined, form === 'nar' ? narSize : length), body }
    } catch (error) {
      signal.throwIfAborted()
      told.push([source, asNarFault(error)])
    }
  }
  return failureOf(told)
}
