/** Binary caches on this machine's loopback that fail in all ways in which one can. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a cache answers a request for its file. `at`: where in the file, from 0 to 1. */
export interface Mood {
  readonly kind:
    | 'well'
    | 'without ranges'
    | 'gone'
    | 'forbidden'
    | 'error'
    | 'dropped'
    | 'cut'
    | 'stalled'
    | 'dripping'
    | 'a byte a second'
    | 'short'
    | 'corrupt'
    | 'longer'
    | 'longer than said'
    | 'page'
    | 'part unasked'
    | 'other part'
    | 'no such part'
  readonly at: number
}

/** Those that send nothing wrong before they fail. */
export const BREAKING: readonly Mood['kind'][] = [
  'gone',
  'forbidden',
  'error',
  'dropped',
  'cut',
  'stalled',
  'dripping',
  'part unasked',
  'no such part',
]
export const GOOD: readonly Mood['kind'][] = ['well', 'without ranges']
export const WRONG: readonly Mood['kind'][] = [
  'short',
  'corrupt',
  'longer',
  'longer than said',
  'page',
  'other part',
]

/** What a cache has. */
export interface Stock {
  /** The file with its only NAR, at any address below the cache's that has `nar` in it. */
  readonly file: Buffer
  readonly mood: Mood
  /** Its narinfos, by name. */
  readonly narinfos?: ReadonlyMap<string, string>
}

export interface FaultyCaches {
  /** The address of a cache. */
  address(index: number): string
  /** What the caches have, and how they answer. */
  stock: readonly Stock[]
  close(): Promise<void>
}

export async function serveFaultyCaches(): Promise<FaultyCaches> {
  const http = createServer((request, response) => {
    const [, index, name = ''] = /^\/(\d+)\/(.*)$/.exec(request.url ?? '') ?? []
    const { file, mood, narinfos } = caches.stock[Number(index)] ?? {}
    const narinfo = narinfos?.get(name)
    if (narinfo !== undefined) response.end(narinfo)
    else if (name === 'nix-cache-info') response.end('StoreDir: /nix/store\n')
    else if (file !== undefined && mood !== undefined && name.startsWith('nar'))
      answer(file, mood, request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const caches: FaultyCaches = {
    address: index => `http://127.0.0.1:${port}/${index}`,
    stock: [],
    close: () =>
      new Promise(resolve => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
  return caches
}

function answer(file: Buffer, { kind, at }: Mood, request: IncomingMessage, response: ServerResponse): void {
  const place = Math.floor(at * file.length)
  const begin = (length: number | undefined, from = 0) => {
    const part = { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` }
    response.writeHead(from === 0 ? 200 : 206, {
      ...(length === undefined ? {} : { 'content-length': length }),
      ...(from === 0 ? {} : part),
    })
  }
  const asked =
    kind === 'without ranges' ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const rest = file.subarray(asked)
  switch (kind) {
    case 'gone':
      return void response.writeHead(404).end()
    case 'forbidden':
      return void response.writeHead(403).end('no')
    case 'error':
      return void response.writeHead(500).end('<h1>oh</h1>')
    case 'dropped':
      return void request.socket.destroy()
    case 'part unasked':
      return void response
        .writeHead(206, { 'content-range': `bytes 5-${file.length - 1}/${file.length}` })
        .end(file)
    case 'no such part':
      return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
    case 'page':
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>')
    case 'well':
    case 'without ranges':
      begin(rest.length, asked)
      return void response.end(rest)
    case 'cut':
      begin(rest.length, asked)
      return void response.write(rest.subarray(0, place), () => setTimeout(() => request.socket.destroy(), 2))
    case 'stalled':
      begin(rest.length, asked)
      return void response.write(rest.subarray(0, place))
    case 'dripping':
      begin(rest.length, asked)
      return void drip(rest, 10, response)
    case 'a byte a second':
      begin(rest.length, asked)
      return void drip(rest, 1000, response)
    case 'short':
      begin(undefined)
      return void response.end(file.subarray(0, place))
    case 'longer':
      begin(undefined)
      response.write(file)
      return void response.end(Buffer.alloc(3_000_000))
    case 'longer than said':
      begin(place)
      return void response.end(file)
    case 'other part':
      response.writeHead(206, { 'content-range': `bytes ${asked + 1}-${file.length - 1}/${file.length}` })
      return void response.end(rest)
    case 'corrupt': {
      const wrong = Buffer.from(file)
      wrong[Math.min(place, file.length - 1)] = (wrong[Math.min(place, file.length - 1)] ?? 0) ^ 1
      begin(wrong.length - asked, asked)
      return void response.end(wrong.subarray(asked))
    }
  }
}

/** Sends a byte at a time, so many milliseconds apart, and breaks off in the end. */
async function drip(file: Buffer, pause: number, response: ServerResponse): Promise<void> {
  for (let at = 0; at < 40 && !response.destroyed; at++) {
    response.write(file.subarray(at, at + 1))
    await sleep(pause)
  }
  response.destroy()
}
