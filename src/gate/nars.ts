import type { GateRequest, GateResponse } from './http-request.ts'
import { readNarTicket } from './nar-ticket.ts'
import { notFound } from './respond.ts'
import type { GateParts } from './substituter.ts'

/**
 * Passes on NARs that Nix cannot fetch from their upstream itself, for tickets that a gate with
 * this key issued.
 */
export function openNars({ kept, key, upstreams }: Pick<GateParts, 'kept' | 'key' | 'upstreams'>) {
  return {
    async answer({ path, range, signal }: GateRequest): Promise<GateResponse> {
      const { list } = upstreams.current(kept.policy())
      const addresses = list.map(({ url }) => url)
      const wanted = readNarTicket(key, addresses, path.slice(1))
      const upstream = list.find(({ url }) => url === wanted?.upstream)
      if (wanted === undefined || upstream === undefined) return notFound()
      const streamed = await upstream.stream(wanted.file, {
        ...(range === undefined ? {} : { range }),
        signal,
      })
      if (streamed === undefined) return notFound()
      const { status, length, contentRange, body } = streamed
      const headers = {
        'content-type': 'application/x-nix-nar',
        // Without this header Nix does not resume a transfer that broke off.
        'accept-ranges': 'bytes',
        ...(length === undefined ? {} : { 'content-length': String(length) }),
        ...(contentRange === undefined ? {} : { 'content-range': contentRange }),
      }
      return { status, headers, body }
    },
  }
}
