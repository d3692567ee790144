/**
 * A publication in memory, served by a real server on its own port that can be told to misbehave.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Listed, partOf, printIndex, printPart } from '../../src/formats/publication.ts'

/** Files by their names in a directory of attestations: `<digest><extension>`. */
export type Files = Readonly<Record<string, string | Uint8Array>>

/** All files of a publication by path, including its lists. */
export function publicationOf(files: Files, published: number): Map<string, Buffer> {
  const all = new Map<string, Buffer>()
  const parts = new Map<string, Map<string, Listed>>()
  for (const [name, contents] of Object.entries(files)) {
    const bytes = Buffer.from(contents)
    const part = partOf(name)
    all.set(`${part}/${name}`, bytes)
    parts.set(part, (parts.get(part) ?? new Map()).set(name, listed(bytes)))
  }
  const index = new Map<string, Listed>()
  for (const [part, listing] of parts) {
    const bytes = Buffer.from(printPart(part, listing))
    all.set(`${part}/index`, bytes)
    index.set(part, listed(bytes))
  }
  return all.set('index', Buffer.from(printIndex({ published, parts: index })))
}

export function listed(bytes: Uint8Array): Listed {
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Answers one request instead of the server; false leaves it to the server. */
export type Trick = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | undefined

export interface Server {
  /** The address of the publication. */
  readonly url: string
  /** The files that it serves; may be changed at any time. */
  files: ReadonlyMap<string, Uint8Array>
  trick: Trick | undefined
  /** Whether answers have an ETag or a Last-Modified header. */
  validator: 'etag' | 'last-modified' | 'none'
  /** Each request: its path, and the status of the answer. */
  readonly log: string[]
  close(): Promise<void>
}

/**
 * Starts a server of a publication under /alice; with TLS if given a key and a certificate in PEM.
 */
export async function serve(
  files: ReadonlyMap<string, Uint8Array>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Server> {
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '').replace('/alice/', '')
    response.once('close', () => server.log.push(`${path} ${response.statusCode}`))
    if (server.trick?.(request, response, path) === true) return
    answer(server, request, response, path)
  }
  const http = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(http.address() as AddressInfo).port}/alice`
  const server: Server = {
    url,
    files,
    trick: undefined,
    validator: 'etag',
    log: [],
    close: () =>
      new Promise(resolve => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
  return server
}

const CHANGED = 'Sun, 01 Nov 2026 00:00:00 GMT'

function answer(server: Server, request: IncomingMessage, response: ServerResponse, path: string): void {
  const bytes = server.files.get(path)
  if (bytes === undefined) {
    response.writeHead(404).end('<h1>not here</h1>')
    return
  }
  const etag = `"${listed(bytes).sha256.slice(0, 16)}"`
  if (server.validator === 'etag') response.setHeader('etag', etag)
  if (server.validator === 'last-modified') response.setHeader('last-modified', CHANGED)
  const isSame =
    server.validator === 'etag'
      ? request.headers['if-none-match'] === etag
      : request.headers['if-modified-since'] === CHANGED
  if (isSame) response.writeHead(304).end()
  else response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
}
