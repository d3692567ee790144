import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CachedPath } from './cache-of-many.ts'

/** A binary cache whose behaviour a test controls. */
export interface UpstreamServer {
  /** Without a trailing slash. */
  readonly url: string
  /** Its files by name: `<digest>.narinfo`, `nar/…`. */
  readonly files: Map<string, string | Uint8Array>
  /** Further headers of its answers, by the name of the file. */
  readonly headers: Map<string, Readonly<Record<string, string>>>
  /**
   * How it answers. `down` breaks connections, `silent` never answers, a number is the status of
   * all answers.
   */
  mood: 'well' | 'down' | 'silent' | number
  /** The Authorization header that it requires, if any. */
  password: string | undefined
  /** The server to which it redirects all requests, if any; without a trailing slash. */
  redirection: string | undefined
  /** All answers wait for this. */
  pause: Promise<unknown>
  /** The names that it was asked for. */
  readonly asked: string[]
  /** The Authorization headers that it received. */
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
    const [file = ''] = name.split('?')
    const found = files.get(file)
    if (found === undefined) return response.writeHead(404).end()
    return response.writeHead(200, upstream.headers.get(file) ?? {}).end(found)
  }
  const http = createServer(answer)
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const upstream: UpstreamServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    files,
    headers: new Map(),
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
