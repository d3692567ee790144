// The gate's HTTP server: its answers, and what it withstands.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { GateResponse } from '../../src/gate/http-request.ts'
import { until } from '../support/eventually.ts'
import { request, startServer } from './raw-http.ts'

const HELLO = Buffer.from('hello\n')
const TEXT = { 'content-type': 'text/plain' }
const hello = (): GateResponse => ({ status: 200, headers: TEXT, body: HELLO })

test('a GET has its body, a HEAD the same headers and none, and both share a connection', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  client.send(request('/', { method: 'HEAD' }))
  const head = await client.answer('HEAD')
  client.send(request('/'))
  const got = await client.answer()
  assert.equal(got.status, 200)
  assert.equal(got.body, 'hello\n')
  assert.equal(got.headers['content-length'], '6')
  assert.equal(got.headers['content-type'], 'text/plain')
  assert.equal(got.headers['connection'], 'keep-alive')
  const { date: _, ...headHeaders } = head.headers
  const { date: __, ...gotHeaders } = got.headers
  assert.deepEqual(headHeaders, gotHeaders)
  assert.equal(server.connections(), 1)
})

test('a HEAD of a stream reads nothing of it', async t => {
  let reads = 0
  const body = new Readable({ read: () => void reads++ })
  const server = await startServer(t, () => ({ status: 200, headers: { 'content-length': '9' }, body }))
  const client = await server.connect()
  client.send(request('/', { method: 'HEAD' }))
  assert.equal((await client.answer('HEAD')).headers['content-length'], '9')
  assert.equal(body.destroyed, true)
  assert.equal(reads, 0)
  client.send(request('/', { method: 'HEAD' }))
  assert.equal((await client.answer('HEAD')).status, 200)
})

test('an answer without a body says so', async t => {
  const server = await startServer(t, () => ({ status: 302, headers: { location: 'https://a.example/' } }))
  const client = await server.connect()
  client.send(request('/'))
  const { status, headers } = await client.answer()
  assert.deepEqual([status, headers['content-length'], headers['location']], [302, '0', 'https://a.example/'])
})

test('the handler sees the path as it was sent, and the range', async t => {
  const seen: unknown[] = []
  const server = await startServer(t, ({ method, path, range }) => {
    seen.push([method, path, range])
    return hello()
  })
  const client = await server.connect()
  client.send(request('/a/../%2e%00?q#f', { headers: 'Range: bytes=1-\r\n' }))
  await client.answer()
  client.send(request('/b', { method: 'HEAD' }))
  await client.answer('HEAD')
  assert.deepEqual(seen, [
    ['GET', '/a/../%2e%00?q#f', 'bytes=1-'],
    ['HEAD', '/b', undefined],
  ])
})

test('other methods are refused, and the connection goes on', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND']) {
    client.send(request('/', { method }))
    const { status, headers, body } = await client.answer()
    assert.deepEqual([status, headers['allow'], body], [405, 'GET, HEAD', 'only GET and HEAD\n'], method)
  }
  client.send(request('/'))
  assert.equal((await client.answer()).status, 200)
})

test('nobody tunnels through: CONNECT is cut', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  client.send('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
  assert.equal(await client.rest(), '')
})

test('a wish to speak something else is not granted', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  client.send(request('/', { headers: 'Connection: Upgrade\r\nUpgrade: h2c\r\n' }))
  assert.equal((await client.answer()).body, 'hello\n')
})

test('requests with a body are refused, and their connection closed', async t => {
  let calls = 0
  const server = await startServer(t, () => {
    calls++
    return hello()
  })
  for (const [what, sent] of [
    ['a length', `${request('/', { headers: 'Content-Length: 5\r\n' })}hello`],
    ['chunks', `${request('/', { headers: 'Transfer-Encoding: chunked\r\n' })}5\r\nhello\r\n0\r\n\r\n`],
    ['a PUT', `${request('/', { method: 'PUT', headers: 'Content-Length: 5\r\n' })}hello`],
    ['what is yet to come', request('/', { headers: 'Content-Length: 1000000000\r\n' })],
    ['what is asked for', request('/', { headers: 'Content-Length: 5\r\nExpect: 100-continue\r\n' })],
  ] as const) {
    const client = await server.connect()
    client.send(sent)
    const { status, headers, body } = await client.answer()
    assert.deepEqual(
      [status, headers['connection'], body],
      [413, 'close', 'requests have no body here\n'],
      what,
    )
    assert.equal(await client.rest(), '', what)
  }
  assert.equal(calls, 0)
})

test('a body of no bytes is none', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  client.send(request('/', { headers: 'Content-Length: 0\r\n' }))
  assert.equal((await client.answer()).status, 200)
})

test('what is asked for must be a path, of this server', async t => {
  let calls = 0
  const server = await startServer(t, () => {
    calls++
    return hello()
  })
  const controls = ['/a\u0000b', '/a\tb', '/a\u001bb', '/a\u007fb', '/a\u0085b', '/a b']
  const elsewhere = ['http://192.0.2.1/latest', 'https://gate/x', '*', 'relative', '\\\\host', '']
  for (const target of [...controls, ...elsewhere, '/\u00e9', '/\u00ff']) {
    const client = await server.connect()
    client.send(request(target, { headers: 'Connection: close\r\n' }))
    assert.match(await client.rest(), /^HTTP\/1\.1 400 /, JSON.stringify(target))
  }
  assert.equal(calls, 0)
})

test('a path has 2048 characters at most', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  client.send(request(`/${'a'.repeat(2047)}`))
  assert.equal((await client.answer()).status, 200)
  client.send(request(`/${'a'.repeat(2048)}`))
  const { status, body } = await client.answer()
  assert.deepEqual([status, body], [414, 'more than 2048 characters\n'])
  client.send(request('/'))
  assert.equal((await client.answer()).status, 200)
})

test('giant headers are refused: one, many, and a request line', async t => {
  let calls = 0
  const server = await startServer(t, () => {
    calls++
    return hello()
  })
  const many = Array.from({ length: 2000 }, (_, n) => `X-${n}: ${n}\r\n`).join('')
  for (const sent of [
    request('/', { headers: `X: ${'a'.repeat(9000)}\r\n` }),
    request('/', { headers: many }),
    request(`/${'a'.repeat(100_000)}`),
    request('/', { headers: `${'x'.repeat(1_000_000)}: a\r\n` }),
  ]) {
    const client = await server.connect()
    client.send(sent)
    // What the client goes on sending may cost it the answer, but the connection always ends.
    assert.match(await client.rest(), /^(?:HTTP\/1\.1 431 .*\r\nConnection: close\r\n\r\n)?$/)
  }
  assert.equal(calls, 0)
})

test('a body does not hide behind more headers than anybody reads', async t => {
  const server = await startServer(t, hello)
  const client = await server.connect()
  client.send(`${request('/', { headers: `${'a:\r\n'.repeat(4000)}Content-Length: 5\r\n` })}hello`)
  assert.match(await client.rest(), /^HTTP\/1\.1 413 /)
})

test('request smuggling: what could be read in two ways is read in none', async t => {
  const paths: string[] = []
  const server = await startServer(t, ({ path }) => {
    paths.push(path)
    return hello()
  })
  const inner = request('/smuggled')
  for (const headers of [
    'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 6\r\n',
    'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding: identity\r\n',
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding : chunked\r\n',
    'Transfer-Encoding:\r\n chunked\r\n',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
    'Transfer-Encoding: \u000bchunked\r\n',
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: 5\r\nContent-Length: 5\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: +5\r\n',
    'Content-Length: -5\r\n',
    'Content-Length: 0x5\r\n',
    'Content-Length : 5\r\n',
    'Content-Length: 5\n\r\n',
    'X: a\r\n Transfer-Encoding: chunked\r\n',
    'X: a\r\n\tb\r\n',
    'X: a\rContent-Length: 5\r\n',
    'X: a\nContent-Length: 5\n',
    'X: a\u0000b\r\n',
    ' X: a\r\n',
  ]) {
    const client = await server.connect()
    client.send(`${request('/', { headers })}0\r\n\r\n${inner}`)
    const all = await client.rest()
    assert.match(all, /^HTTP\/1\.1 (?:400|413) /, JSON.stringify(headers))
    assert.equal(all.split('HTTP/1.1 ').length, 2, `more than one answer to ${JSON.stringify(headers)}`)
  }
  assert.deepEqual(paths, [])
})

test('a handler that fails is a 500 that says nothing of it, and the connection goes on', async t => {
  const secret = new Error('the password is hunter2')
  const ways: Readonly<Record<string, () => GateResponse | Promise<GateResponse>>> = {
    '/throws': () => {
      throw secret
    },
    '/rejects': () => Promise.reject(secret),
    '/rejects-later': async () => {
      await new Promise(resolve => setImmediate(resolve))
      throw secret
    },
    '/forges-a-header': () => ({ status: 200, headers: { 'content-range': 'a\r\nX: y' }, body: HELLO }),
    '/forges-a-header-of-a-stream': () => ({
      status: 200,
      headers: { 'content-range': 'a\r\nX: y' },
      body: Readable.from([HELLO]),
    }),
    '/no-status': () => ({ status: 7, body: HELLO }),
  }
  const server = await startServer(t, ({ path }) => ways[path]?.() ?? hello())
  const client = await server.connect()
  for (const [count, path] of Object.keys(ways).entries()) {
    client.send(request(path))
    const { status, headers, body } = await client.answer()
    assert.deepEqual([status, body], [500, 'internal error\n'], path)
    assert.deepEqual(Object.keys(headers).sort(), [
      ...['connection', 'content-length', 'content-type', 'date', 'keep-alive'],
    ])
    assert.equal(server.errors.length, count + 1, path)
  }
  assert.equal(server.errors.filter(error => error === secret).length, 3)
  client.send(request('/'))
  assert.equal((await client.answer()).body, 'hello\n')
})

test('pipelining: 8 requests at once are answered in their order', async t => {
  const server = await startServer(t, async ({ path }) => {
    await new Promise(resolve => setTimeout(resolve, Math.random() * 20))
    return { status: 200, body: Buffer.from(path) }
  })
  const client = await server.connect()
  const paths = Array.from({ length: 8 }, (_, n) => `/${n}`)
  client.send(paths.map(path => request(path)).join(''))
  const answers: string[] = []
  for (const _ of paths) answers.push((await client.answer()).body)
  assert.deepEqual(answers, paths)
})

test('pipelining: who asks on and on without an answer is cut off, and asks the handler no more', async t => {
  let calls = 0
  const server = await startServer(t, () => {
    calls++
    return new Promise(() => {})
  })
  const client = await server.connect()
  client.send(Array.from({ length: 5000 }, () => request('/')).join(''))
  assert.equal(await client.rest(), '')
  await until(() => server.connections() === 0)
  assert.equal(calls, 8)
})

test('26 connections at once are all served, none after another', async t => {
  let waiting = 0
  let release = () => {}
  const all = new Promise<void>(resolve => {
    release = resolve
  })
  const server = await startServer(t, async () => {
    waiting++
    if (waiting === 26) release()
    await all
    return hello()
  })
  const clients = await Promise.all(Array.from({ length: 26 }, server.connect))
  for (const client of clients) client.send(request('/'))
  const answers = await Promise.all(clients.map(client => client.answer()))
  assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['hello\n']))
})
