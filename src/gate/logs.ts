import { isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import type { GateRequest, GateResponse } from './http-request.ts'
import { notFound } from './respond.ts'
import type { GateParts } from './substituter.ts'

const TEXT = 'text/plain; charset=utf-8'

/**
 * Serves build logs: redirects to the first upstream that has the log, or passes it on, with the
 * encoding that it was uploaded in. Logs are not signed and need not be.
 */
export function openLogs({ kept, upstreams }: Pick<GateParts, 'kept' | 'upstreams'>) {
  return {
    async answer({ path, signal }: GateRequest): Promise<GateResponse> {
      const name = path.slice('/log/'.length)
      if (!isStorePath(`${STORE_DIR}/${name}`)) return notFound()
      for (const upstream of upstreams.current(kept.policy()).list) {
        const file = `log/${name}`
        const options = { kind: 'log', encoded: 'pass on', signal } as const
        const streamed = await upstream.stream(file, options).catch(() => undefined)
        if (streamed === undefined) continue
        const where = upstream.locate(file)
        if (where.kind === 'streamed') {
          const { encoding, body } = streamed
          const encoded = encoding === undefined ? {} : { 'content-encoding': encoding }
          return { status: 200, headers: { 'content-type': TEXT, ...encoded }, body }
        }
        streamed.body.destroy()
        return { status: 302, headers: { location: where.url }, body: Buffer.alloc(0) }
      }
      return notFound()
    },
  }
}
