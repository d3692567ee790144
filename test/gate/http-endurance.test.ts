// How the gate's HTTP server withstands clients that are slow, many, or gone.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import type { GateRequest, GateResponse } from '../../src/gate/http-request.ts'
import { HTTP_LIMITS, openHttpServer } from '../../src/gate/http-server.ts'
import { until } from '../support/eventually.ts'
import { atMost, request, startServer } from './raw-http.ts'

const hello = (): GateResponse => ({ status: 200, body: Buffer.from('hello\n') })

const MEBIBYTE = 1024 * 1024

/** An endless stream, and how many bytes of it were read. */
function endless() {
  const source = { taken: 0 }
  const stream = new Readable({
    read() {
      source.taken += 65536
      this.push(Buffer.alloc(65536))
    },
  })
  return { source, stream }
}

/** A handler that answers `/held` when the test says so, and all else at once. */
function holding() {
  const asked: GateRequest[] = []
  let give = (_: GateResponse) => {}
  const given = new Promise<GateResponse>(resolve => {
    give = resolve
  })
  const handler = (request: GateRequest) => {
    if (request.path !== '/held') return hello()
    asked.push(request)
    return given
  }
  return { asked, give: () => give(hello()), handler }
}

test('slow-loris: 200 clients that send a byte at a time are cut, and others are served meanwhile', async t => {
  const server = await startServer(t, hello, { arrival: 2000, connections: atMost(1024) })
  const slow = await Promise.all(Array.from({ length: 200 }, server.connect))
  const sent = request('/', { headers: `X: ${'a'.repeat(1000)}\r\n` })
  let place = 0
  const drip = setInterval(() => {
    for (const { socket } of slow) if (socket.writable) socket.write(sent[place] ?? 'a')
    place++
  }, 50)
  t.after(() => clearInterval(drip))
  const honest = await server.connect()
  for (let n = 0; n < 10; n++) {
    honest.send(request('/'))
    assert.equal((await honest.answer()).status, 200)
    await later(20)
  }
  assert.equal(server.connections(), 201)
  for (const rest of await Promise.all(slow.map(client => client.rest())))
    assert.match(rest, /^HTTP\/1\.1 408 /)
  await until(() => server.connections() === 1)
})

test('slow-loris in a later request of a connection is cut too', async t => {
  const server = await startServer(t, hello, { arrival: 500 })
  const client = await server.connect()
  client.send(request('/'))
  await client.answer()
  client.send('GET / HTTP/1.1\r\nHo')
  assert.match(await client.rest(), /^HTTP\/1\.1 408 /)
})

test('a client that says nothing at all is cut', async t => {
  const server = await startServer(t, hello, { arrival: 500 })
  await (await server.connect()).rest()
})

test('a client that says nothing more is cut, but not soon', async t => {
  const server = await startServer(t, hello, { arrival: 100, idle: 1500 })
  const client = await server.connect()
  client.send(request('/'))
  await client.answer()
  await later(1200)
  client.send(request('/'))
  await client.answer()
  assert.equal(await client.rest(), '')
})

test('10,000 idle connections of one peer: 64 are kept, newcomers are served, no request under way is lost', async t => {
  const { asked, give, handler } = holding()
  const server = await startServer(t, handler)
  const busy = await server.connect()
  busy.send(request('/held'))
  await until(() => asked.length === 1)
  // In another process, since this one would need twice as many descriptors.
  const program = `
    import { connect } from 'node:net'
    const port = Number(process.argv[1])
    let opened = 0
    const open = () => new Promise(resolve => {
      const socket = connect({ port, host: '127.0.0.1' }, () => {
        opened++
        if (opened % 2 === 0) socket.write('GET / HTTP/1.1\\r\\nHost: gate\\r\\n\\r\\n')
        resolve()
      })
      socket.on('error', resolve).on('data', () => {})
    })
    for (let n = 0; n < 100; n++) await Promise.all(Array.from({ length: 100 }, open))
    console.log(opened)
    setInterval(() => {}, 1000)
  `
  const flood = spawn(process.execPath, ['--input-type=module', '--eval', program, String(server.port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => flood.kill('SIGKILL'))
  let opened: number | undefined
  flood.stdout.setEncoding('utf8').once('data', text => {
    opened = Number(text)
  })
  let most = 0
  while (opened === undefined) {
    const newcomer = await server.connect()
    newcomer.send(request('/'))
    assert.equal((await newcomer.answer()).body, 'hello\n')
    newcomer.socket.destroy()
    most = Math.max(most, server.connections())
    assert.equal(flood.exitCode, null)
  }
  // One that is turned away at once may be reset before its client knows that it was open.
  assert.ok(opened > 9000, `${opened} were open`)
  assert.equal(most, HTTP_LIMITS.connections.open.machine.each)
  give()
  assert.equal((await busy.answer()).body, 'hello\n')
})

test('a newcomer takes the place of the connection that has been idle for longest', async t => {
  const { asked, give, handler } = holding()
  const server = await startServer(t, handler, { connections: atMost(3), hold: { most: 1, for: 100 } })
  const first = await server.connect()
  const busy = await server.connect()
  const second = await server.connect()
  busy.send(request('/held'))
  await until(() => asked.length === 1)
  // The first connection is the oldest, but has not been idle for longest.
  first.send(request('/'))
  await first.answer()
  const newcomer = await server.connect()
  newcomer.send(request('/'))
  assert.equal((await newcomer.answer()).status, 200)
  assert.equal(await second.rest(), '')
  first.send(request('/'))
  assert.equal((await first.answer()).status, 200)
  give()
  assert.equal((await busy.answer()).status, 200)
  assert.equal(server.connections(), 3)
})

test('when all connections have requests under way, a newcomer is refused, and none of them is cut', async t => {
  const { asked, give, handler } = holding()
  const server = await startServer(t, handler, { connections: atMost(3) })
  const busy = await Promise.all(Array.from({ length: 3 }, server.connect))
  for (const client of busy) client.send(request('/held'))
  await until(() => asked.length === 3)
  await assert.rejects(server.connect().then(refused => refused.answer()))
  assert.equal(server.refused(), 1)
  give()
  for (const client of busy) assert.equal((await client.answer()).status, 200)
  const newcomer = await server.connect()
  newcomer.send(request('/'))
  assert.equal((await newcomer.answer()).status, 200)
})

test('a client that sends only part of a request is idle all the same', async t => {
  const server = await startServer(t, hello, { connections: atMost(1), hold: { most: 1, for: 500 } })
  const slow = await server.connect()
  slow.send('GET / HT')
  await until(() => server.connections() === 1)
  const newcomer = await server.connect()
  newcomer.send(request('/'))
  assert.equal((await newcomer.answer()).status, 200)
  await slow.rest()
})

test('a stream comes whole, with the length that was told or without', async t => {
  const bytes = Buffer.alloc(3 * MEBIBYTE, 'x')
  const pieces = () =>
    Readable.from([bytes.subarray(0, 7), bytes.subarray(7, MEBIBYTE), bytes.subarray(MEBIBYTE)])
  const server = await startServer(t, ({ path }) => ({
    status: 200,
    headers: path === '/told' ? { 'content-length': String(bytes.length) } : {},
    body: pieces(),
  }))
  const client = await server.connect()
  client.send(request('/told'))
  assert.equal((await client.answer()).body, bytes.toString('latin1'))
  client.send(request('/', { headers: 'Connection: close\r\n' }))
  const [head = '', ...chunks] = (await client.rest()).split('\r\n\r\n')
  assert.match(head, /\r\nTransfer-Encoding: chunked/)
  assert.equal(chunks.join('').replaceAll(/[^x]/g, '').length, bytes.length)
})

test('a stream that fails in the middle, or is not as long as was told, is cut and never seems whole', async t => {
  const failing = () =>
    Readable.from(
      (async function* () {
        yield Buffer.from('part')
        await later(20)
        throw new Error('the upstream went away')
      })(),
    )
  const answers: Readonly<Record<string, () => GateResponse>> = {
    '/fails': () => ({ status: 200, headers: { 'content-length': '100' }, body: failing() }),
    '/fails-untold': () => ({ status: 200, body: failing() }),
    '/short': () => ({
      status: 200,
      headers: { 'content-length': '100' },
      body: Readable.from([Buffer.from('part')]),
    }),
    '/long': () => ({
      status: 200,
      headers: { 'content-length': '3' },
      body: Readable.from([Buffer.from('partition')]),
    }),
  }
  const reasons = [
    'the upstream went away',
    'the upstream went away',
    'a stream ended before it was all there',
    'a stream is longer than was promised',
  ]
  const server = await startServer(t, ({ path }) => answers[path]?.() ?? hello())
  for (const path of Object.keys(answers)) {
    const client = await server.connect()
    client.send(request(path))
    const rest = await client.rest()
    assert.doesNotMatch(rest, /\r\n0\r\n\r\n$|partition/, path)
  }
  assert.deepEqual(
    server.errors.map(error => (error as Error).message),
    reasons,
  )
})

test('a client that vanishes in the middle of a stream ends the stream, and nobody is told of an error', async t => {
  const { source, stream } = endless()
  const signals: AbortSignal[] = []
  const server = await startServer(t, ({ signal }) => {
    signals.push(signal)
    return { status: 200, body: stream }
  })
  const client = await server.connect()
  client.send(request('/'))
  await until(() => source.taken > 4 * MEBIBYTE)
  assert.equal(signals[0]?.aborted, false)
  client.socket.resetAndDestroy()
  await until(() => stream.destroyed)
  assert.equal(signals[0]?.aborted, true)
  await until(() => server.connections() === 0)
  assert.deepEqual(server.errors, [])
})

test('a client that vanishes while its answer is made aborts the signal, one that has its answer does not', async t => {
  const { asked, give, handler } = holding()
  const signals: AbortSignal[] = []
  const server = await startServer(t, request => {
    signals.push(request.signal)
    return handler(request)
  })
  const patient = await server.connect()
  patient.send(request('/'))
  await patient.answer()
  const hasty = await server.connect()
  hasty.send(request('/held') + request('/held'))
  await until(() => asked.length === 2)
  hasty.socket.destroy()
  patient.socket.destroy()
  await until(() => server.connections() === 0)
  assert.deepEqual(
    signals.map(signal => signal.aborted),
    [false, true, true],
  )
  // A signal that is asked for too late is aborted already; and an answer for a client that is gone
  // is no error.
  assert.equal(asked[1]?.signal.aborted, true)
  give()
  await later(20)
  assert.deepEqual(server.errors, [])
})

test('a stream for a client that is gone already is not read', async t => {
  const { source, stream } = endless()
  let give = (_: GateResponse) => {}
  let isAsked = false
  const server = await startServer(t, () => {
    isAsked = true
    return new Promise<GateResponse>(resolve => {
      give = resolve
    })
  })
  const client = await server.connect()
  client.send(request('/'))
  await until(() => isAsked)
  client.socket.destroy()
  await until(() => server.connections() === 0)
  give({ status: 200, body: stream })
  await until(() => stream.destroyed)
  assert.ok(source.taken <= 65536, `${source.taken} bytes were read`)
  assert.deepEqual(server.errors, [])
})

test('a reader that does not read: the stream waits for it, then both are cut', async t => {
  const { source, stream } = endless()
  const server = await startServer(t, () => ({ status: 200, body: stream }), { stall: 500 })
  const client = await server.connect()
  client.socket.pause()
  client.send(request('/'))
  await until(() => stream.destroyed)
  // As much as the system's buffers hold, and little more.
  assert.ok(source.taken < 32 * MEBIBYTE, `${source.taken} bytes were read`)
  await until(() => server.connections() === 0)
})

test('a reader that does not read what was pipelined is cut as well', async t => {
  const body = Buffer.alloc(MEBIBYTE)
  const server = await startServer(t, () => ({ status: 200, body }), { stall: 500 })
  const client = await server.connect()
  client.socket.pause()
  client.send(Array.from({ length: 8 }, () => request('/')).join(''))
  await until(() => server.connections() === 1)
  await until(() => server.connections() === 0)
})

test('a reader that is slow but reads is not cut', async t => {
  const size = 40 * MEBIBYTE
  const stall = 1500
  const pieces = Array.from({ length: size / 65536 }, () => Buffer.alloc(65536))
  const headers = { 'content-length': String(size) }
  const server = await startServer(t, () => ({ status: 200, headers, body: Readable.from(pieces) }), {
    stall,
  })
  const client = await server.connect()
  let received = 0
  client.socket.on('data', (text: string) => {
    received += text.length
    client.socket.pause()
    setTimeout(() => client.socket.resume(), 5)
  })
  const began = performance.now()
  client.send(request('/'))
  await until(() => received > size)
  assert.ok(performance.now() - began > stall, 'it was not slow')
})

test('a source that gives nothing more is cut', async t => {
  const body = new Readable({ read() {} })
  body.push('part')
  const server = await startServer(t, () => ({ status: 200, body }), { stall: 300 })
  const client = await server.connect()
  client.send(request('/'))
  assert.match(await client.rest(), /part/)
  await until(() => body.destroyed)
})

test('a handler that takes its time is waited for', async t => {
  const server = await startServer(
    t,
    async () => {
      await later(1000)
      return hello()
    },
    { stall: 200, arrival: 200, idle: 200 },
  )
  const client = await server.connect()
  client.send(request('/'))
  assert.equal((await client.answer()).body, 'hello\n')
})

test('close: what is idle ends at once, what is under way with its answer', async t => {
  const { asked, give, handler } = holding()
  const server = await startServer(t, handler)
  const silent = await server.connect()
  const idle = await server.connect()
  idle.send(request('/'))
  await idle.answer()
  const half = await server.connect()
  half.send('GET / HT')
  const busy = await server.connect()
  busy.send(request('/held'))
  await until(() => asked.length === 1 && server.connections() === 4)
  const closed = server.close(5000)
  for (const client of [silent, idle, half]) assert.equal(await client.rest(), '')
  await assert.rejects(server.connect(), /ECONNREFUSED/)
  assert.equal(server.connections(), 1)
  give()
  const { headers, body } = await busy.answer()
  assert.deepEqual([headers['connection'], body], ['close', 'hello\n'])
  assert.equal(await busy.rest(), '')
  await closed
  assert.equal(server.connections(), 0)
})

test('close: a stream under way comes whole, and its connection ends with it', async t => {
  const headers = { 'content-length': '8' }
  const body = new Readable({ read() {} })
  const server = await startServer(t, () => ({ status: 200, headers, body }))
  const client = await server.connect()
  client.send(request('/'))
  body.push('part')
  await once(client.socket, 'data')
  const closed = server.close(5000)
  body.push('ness')
  body.push(null)
  assert.equal((await client.answer()).body, 'partness')
  assert.equal(await client.rest(), '')
  await closed
})

test('close: what is not done after the grace is cut', async t => {
  const { asked, handler } = holding()
  const server = await startServer(t, handler)
  const client = await server.connect()
  client.send(request('/held'))
  await until(() => asked.length === 1)
  const began = performance.now()
  await server.close(200)
  const took = performance.now() - began
  assert.ok(took >= 195 && took < 10_000, `${took} ms`)
  assert.equal(await client.rest(), '')
  assert.equal(asked[0]?.signal.aborted, true)
})

test('close: whoever is late and whoever closes twice waits for the same', async t => {
  const server = await startServer(t, hello)
  await Promise.all([server.close(1000), server.close(1000)])
  await server.close(1000)
  assert.equal(server.connections(), 0)
})

test('an address in use is told', async t => {
  const server = await startServer(t, hello)
  await assert.rejects(openHttpServer({ host: '127.0.0.1', port: server.port }, hello), /EADDRINUSE/)
})

test('a file that is no socket is told', async () => {
  await assert.rejects(openHttpServer({ fd: 0x7fff }, hello), /EBADF|EINVAL/)
})

test('an IPv6 address is told in brackets', async t => {
  const probe = createServer().listen(0, '::1')
  const isThere = await Promise.race([
    once(probe, 'listening').then(() => true),
    once(probe, 'error').then(() => false),
  ])
  probe.close()
  if (!isThere) return t.skip('this machine has no IPv6')
  const server = await openHttpServer({ host: '::1', port: 0 }, hello)
  t.after(() => server.close(0))
  assert.match(server.address, /^\[::1\]:\d+$/)
})
