// Clients that the gate's HTTP server turns away and that reconnect at once: how much they can do.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { GateRequest, GateResponse } from '../../src/gate/http-request.ts'
import { HTTP_LIMITS } from '../../src/gate/http-server.ts'
import type { Peer } from '../../src/gate/peers.ts'
import { until } from '../support/eventually.ts'
import { atMost, request, startServer } from './raw-http.ts'

const hello = (): GateResponse => ({ status: 200, body: Buffer.from('hello\n') })

/** A handler that never answers `/held`, and all else at once. */
function holding() {
  const asked: GateRequest[] = []
  const handler = (request: GateRequest) => {
    if (request.path !== '/held') return hello()
    asked.push(request)
    return new Promise<GateResponse>(() => {})
  }
  return { asked, handler }
}

/**
 * Opens connections, each again as soon as it is closed. Returns how many it opened in `ms`
 * milliseconds.
 */
async function floodFor(t: TestContext, ms: number, port: number, words: string): Promise<number> {
  let opened = 0
  let isOver = false
  t.after(() => {
    isOver = true
  })
  const open = () => {
    if (isOver) return
    opened++
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(words))
    t.after(() => socket.destroy())
    socket.on('error', () => {}).on('data', () => {})
    socket.on('close', () => setTimeout(open, 1))
  }
  for (let n = 0; n < 100; n++) open()
  await new Promise(resolve => setTimeout(resolve, ms))
  isOver = true
  return opened
}

for (const [what, words] of [
  ['asks for what takes long', request('/held')],
  ['never ends its request', 'GET / HTTP/1.1\r\nHost: x\r\n'],
  ['asks for a hundred things ahead', request('/held').repeat(100)],
] as const) {
  test(`attack: a client that ${what} and comes again as soon as it is turned away, cannot do so often`, async t => {
    const { handler } = holding()
    const hold = { most: 1000, for: 1000 }
    const server = await startServer(t, handler, { connections: atMost(10), hold })
    // 100 at first, and each of them once more in a second.
    const opened = await floodFor(t, 2500, server.port, words)
    assert.ok(opened < 400, `${opened} connections in 2.5 seconds`)
  })
}

test('who is turned away is held no longer than that, and no more of them than that', async t => {
  const { asked, handler } = holding()
  const server = await startServer(t, handler, { connections: atMost(1), hold: { most: 2, for: 600 } })
  const busy = await server.connect()
  busy.send(request('/held'))
  await until(() => asked.length === 1)
  const start = performance.now()
  const ends = [1, 2, 3].map(async () => {
    const client = await server.connect()
    await client.rest()
    return performance.now() - start
  })
  const [first = 0, second = 0, third = 0] = (await Promise.all(ends)).sort((a, b) => a - b)
  assert.ok(first < 500, `the third one was held for ${first} ms`)
  assert.ok(second >= 500 && third < 5000, `${second} and ${third} ms`)
})

test('whoever asked for too much is let in again after a while, and others are let in meanwhile', async t => {
  let name = 'flooder'
  const findPeer = (): Peer => ({ name, kind: 'user' })
  const server = await startServer(t, hello, { hold: { most: 100, for: 3000 } }, findPeer)
  const flooder = await server.connect()
  flooder.send(request('/').repeat(5000))
  await flooder.rest()
  const again = await server.connect()
  again.send(request('/'))
  name = 'somebody else'
  const other = await server.connect()
  other.send(request('/'))
  assert.equal((await other.answer()).status, 200)
  await assert.rejects(again.answer())
  name = 'flooder'
  await new Promise(resolve => setTimeout(resolve, 3100))
  const later = await server.connect()
  later.send(request('/'))
  assert.equal((await later.answer()).status, 200)
})

test('attack: those that are held do not keep a server from closing', async t => {
  const { asked, handler } = holding()
  const server = await startServer(t, handler, { connections: atMost(1), hold: { most: 10, for: 60_000 } })
  const busy = await server.connect()
  busy.send(request('/held'))
  await until(() => asked.length === 1)
  await server.connect()
  await until(() => server.refused() === 1)
  const start = performance.now()
  await server.close(100)
  assert.ok(performance.now() - start < 5000)
})

for (const [what, words] of [
  ['sends headers that are too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(60_000)}`],
  ['sends what is not HTTP', 'hello?\r\n\r\n'],
  ['sends a length twice', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
] as const) {
  test(`attack: a client that ${what} and comes again at once is told so 32 times, and then held`, async t => {
    const server = await startServer(t, hello, { hold: { most: 1000, for: 1000 } })
    const opened = await floodFor(t, 2500, server.port, words)
    // Apart from the first 32: 100, and each of them once more in a second.
    assert.ok(opened < 500, `${opened} connections in 2.5 seconds`)
  })
}

for (const [what, words] of [
  ['asks, and is answered', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['asks with a body', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx'],
] as const) {
  test(`attack: a user who ${what} on a new connection each time, has 256 and 25 a second`, async t => {
    const alice = (): Peer => ({ name: 'user 1000', kind: 'user' })
    const server = await startServer(t, hello, { hold: { most: 1000, for: 1000 } }, alice)
    const opened = await floodFor(t, 2500, server.port, words)
    assert.ok(opened < 256 + 3 * 25 + 3 * 100 + 50, `${opened} connections in 2.5 seconds`)
  })
}

test('root opens and asks as often as it likes', async t => {
  const root = (): Peer => ({ name: 'user 0', kind: 'root' })
  const server = await startServer(t, hello, {}, root)
  for (let n = 0; n < 600; n++) {
    const client = await server.connect()
    client.send(request('/'))
    assert.equal((await client.answer()).status, 200)
    client.socket.destroy()
  }
  assert.equal(server.refused(), 0)
})

test('attack: what nix-daemon asks for one user takes no place of another’s, and is held when it is too much', async t => {
  let name = 'client 1001'
  const findPeer = (): Peer => ({ name, kind: 'client' })
  const { handler } = holding()
  const server = await startServer(t, handler, { hold: { most: 1000, for: 60_000 } }, findPeer)
  for (let n = 0; n < 300; n++) (await server.connect()).send(request('/held'))
  const { each } = HTTP_LIMITS.connections.open.client
  await until(() => server.connections() === each)
  name = 'client 1000'
  const alice = await server.connect()
  alice.send(request('/'))
  assert.equal((await alice.answer()).status, 200)
})

test('root that has all its places is turned away at once, and not held', async t => {
  const root = (): Peer => ({ name: 'user 0', kind: 'root' })
  const { asked, handler } = holding()
  const limits = { connections: atMost(1), hold: { most: 1000, for: 60_000 } }
  const server = await startServer(t, handler, limits, root)
  const busy = await server.connect()
  busy.send(request('/held'))
  await until(() => asked.length === 1)
  const refused = server.connect().then(client => client.rest())
  assert.equal(await refused.catch(({ code }) => code && ''), '')
})
