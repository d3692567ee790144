import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CachedPath } from './cache-of-many.ts'

/** A binary cache that does as it is told. */
export interface UpstreamServer {
  /** Without a slash at its end. */
  readonly url: string
  /** What it has, by its names: `<digest>.narinfo`, `nar/…`. */
  readonly files: Map<string, string | Uint8Array>
  /** How it answers. `down` breaks off, `silent` says nothing, a number is the status of all answers. */
  mood: 'well' | 'down' | 'silent' | number
  /** The Authorization header that it wants, if any. */
  password: string | undefined
  /** Where it sends everybody who asks it, if anywhere: the address of another server, without a slash at its end. */
  redirection: string | undefined
  /** What all its answers wait for. */
  pause: Promise<unknown>
  /** The names that it was asked for. */
  readonly asked: string[]
  /** The Authorization headers that it was sent. */
  readonly passwords: string[]
  close(): Promise<void>
}

/** Serves these paths on this machine's loopback. */
export async function serveUpstream(paths: readonly CachedPath[]): Promise<UpstreamServer> {
  const files = new Map<string, string | Uint8Array>()
  for (const { digest, narinfo, url, nar } of paths) files.set(`${digest}.narinfo`, narinfo).set(url, nar)
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const name = (request.url ?? '').slice(1)
    const { authorization } = request.headers
    upstream.asked.push(name)
    if (authorization !== undefined) upstream.passwords.push(authorization)
    await upstream.pause
    if (upstream.mood === 'down') return request.socket.destroy()
    if (upstream.mood === 'silent') return undefined
    if (typeof upstream.mood === 'number') return response.writeHead(upstream.mood).end()
    if (upstream.password !== undefined && authorization !== upstream.password) {
      return response.writeHead(401).end()
    }
    if (upstream.redirection !== undefined) {
      return response.writeHead(302, { location: `${upstream.redirection}/${name}` }).end()
    }
    const found = files.get(name)
    return found === undefined ? response.writeHead(404).end() : response.end(found)
  }
  const http = createServer(answer)
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const upstream: UpstreamServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    files,
    mood: 'well',
    password: undefined,
    redirection: undefined,
    pause: Promise.resolve(),
    asked: [],
    passwords: [],
    close: () =>
      new Promise(resolve => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
  return upstream
}
