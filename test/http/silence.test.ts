/**
 * Servers that never give an answer, each in its own way. Whoever asks them is told so in time, and
 * only once.
 */
import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openUpstream } from '../../src/evidence/upstreams/open-upstream.ts'
import { FileError } from '../../src/files/regular-file.ts'
import { get, type Question, respond } from '../../src/http/client.ts'
import { download } from '../../src/http/download.ts'
import { SourceError } from '../../src/http/source-error.ts'
import { until } from '../support/eventually.ts'

const DIGEST = '0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1'
const HEADERS = 250
const WHOLE = 500

/** What is done with a connection once something was asked over it; `port` is the server's. */
type Behaviour = (socket: Socket, port: number) => void

const say =
  (...parts: readonly string[]): Behaviour =>
  socket => {
    for (const part of parts) socket.write(part, 'latin1')
  }

/** Says something first, and then the same again and again. */
const drip =
  (first: string, again: string, pause = 20): Behaviour =>
  socket => {
    socket.write(first, 'latin1')
    const timer = setInterval(() => socket.write(again, 'latin1'), pause)
    socket.on('close', () => clearInterval(timer))
  }

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`

const NEVER: Readonly<Record<string, readonly [Behaviour, RegExp]>> = {
  'says nothing': [() => {}, /no answer within/],
  'switches to another protocol': [
    say('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    /answered 101/,
  ],
  'switches, and goes on talking': [
    drip('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', 'x'),
    /answered 101/,
  ],
  'switches to nothing in particular': [say('HTTP/1.1 101 Switching Protocols\r\n\r\n'), /./],
  'hangs up': [socket => socket.end(), /hang up|closed/],
  'breaks off': [socket => socket.resetAndDestroy(), /ECONNRESET|closed/],
  'hangs up in its headers': [socket => socket.end(`${OK}content-`), /hang up|closed|Parse/],
  'says to go on, for ever': [drip('', 'HTTP/1.1 100 Continue\r\n\r\n', 2), /announcing|no answer/],
  'gives hints at once, without end': [
    say('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(1000)),
    /announcing/,
  ],
  'is processing, slowly': [drip('', 'HTTP/1.1 102 Processing\r\n\r\n', 100), /no answer within/],
  'sends its headers byte by byte': [drip(OK, 'x'), /no answer within/],
  'sends header after header': [drip(OK, 'x: y\r\n'), /no answer within/],
  'never ends its status line': [drip('HTTP/1.1 200 ', 'O'), /no answer within/],
  'sends line ends before its status line': [drip('', '\r\n'), /no answer within|Parse/],
  'sends nothing of its body': [say(`${OK}content-length: 5\r\n\r\n`), /end of its answer/],
  'sends its body byte by byte': [drip(`${OK}content-length: 4000\r\n\r\n`, 'x'), /end of its answer/],
  'sends a body without a length, byte by byte': [drip(`${OK}\r\n`, 'x'), /end of its answer/],
  'sends chunks of a byte': [drip(CHUNKED, '1\r\nx\r\n'), /end of its answer/],
  'never ends the size of a chunk': [drip(CHUNKED, '0'), /end of its answer/],
  'never ends an extension of a chunk': [drip(`${CHUNKED}1;a=`, 'x'), /end of its answer/],
  'never ends its trailers': [drip(`${CHUNKED}0\r\n`, 'x: y\r\n'), /end of its answer/],
  'closes its half in the middle of a chunk': [
    socket => socket.end(`${CHUNKED}5\r\nab`),
    /aborted|broke off/,
  ],
  'breaks off in its body': [
    socket => {
      socket.write(`${OK}content-length: 5\r\n\r\nab`)
      setTimeout(() => socket.resetAndDestroy(), 50)
    },
    /broke off|ECONNRESET|aborted/,
  ],
  'redirects to itself, late each time': [
    (socket, port) =>
      void setTimeout(() => {
        const location = `http://127.0.0.1:${port}/again`
        socket.write(`HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`)
      }, 120),
    /no answer within/,
  ],
  'redirects with a body that never ends': [
    (socket, port) =>
      drip(`HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:${port}/again\r\n\r\n`, 'x')(socket, port),
    /redirects more than/,
  ],
  'refuses with a body that never ends': [drip('HTTP/1.1 500 No\r\n\r\n', 'x'), /answered 500/],
  'talks of something else': [say('SSH-2.0-OpenSSH_9.9\r\n'), /Parse|expected/i],
}

interface Listening {
  readonly port: number
  readonly open: ReadonlySet<Socket>
}

/** A server of bytes, which lets its own half of a connection stand open. */
async function listening(t: TestContext, behaviour: Behaviour): Promise<Listening> {
  const open = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    socket.once('data', () => behaviour(socket, port))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { port, open }
}

function questionTo(url: string): Question {
  return { url, limit: 4096, excess: 'refuse', patience: { headers: HEADERS, body: WHOLE, pauses: [] } }
}

/** What it rejects with, and that it does so in time. */
async function failureOf(work: Promise<unknown>): Promise<Error> {
  const started = performance.now()
  const settled = await Promise.race([
    work.then(
      () => new Error('it was answered'),
      (error: Error) => error,
    ),
    new Promise<Error>(resolve => setTimeout(() => resolve(new Error('never settled')), 4 * WHOLE).unref()),
  ])
  const took = performance.now() - started
  assert.ok(took < 3 * WHOLE, `${settled.message}, after ${took} ms`)
  return settled
}

for (const [name, [behaviour, reason]] of Object.entries(NEVER)) {
  test(`a server that ${name} gives no answer, which is said in time`, async t => {
    const { port, open } = await listening(t, behaviour)
    const failure = await failureOf(get(questionTo(`http://127.0.0.1:${port}/x`)))
    assert.ok(failure instanceof SourceError, String(failure.stack))
    assert.match(failure.message, reason)
    // Nothing of it goes on.
    await until(() => [...open].every(socket => socket.readableEnded || socket.destroyed))
  })
}

test('whatever a server does instead of answering, a cache is silent or not understood, and soon', async t => {
  await Promise.all(
    Object.entries(NEVER).map(async ([name, [behaviour]]) => {
      const { port } = await listening(t, behaviour)
      const upstream = openUpstream({ url: `http://127.0.0.1:${port}` }, { timeout: WHOLE })
      const started = performance.now()
      const said = await upstream.narinfo(DIGEST)
      assert.ok(['silent', 'malformed'].includes(said.kind), `${name}: ${said.kind}`)
      assert.ok(performance.now() - started < 4 * WHOLE, name)
    }),
  )
})

test('whatever a server does instead of answering, a download ends, and soon', async t => {
  const limits = { bytes: 4096, time: WHOLE, silence: HEADERS }
  await Promise.all(
    Object.entries(NEVER).map(async ([name, [behaviour]]) => {
      const { port } = await listening(t, behaviour)
      const failure = await failureOf(download(`http://127.0.0.1:${port}/x`, limits))
      assert.ok(failure instanceof FileError, `${name}: ${failure.stack}`)
    }),
  )
})

test('a server that never begins to encrypt gives no answer', async t => {
  const { port } = await listening(t, () => {})
  const failure = await failureOf(get(questionTo(`https://127.0.0.1:${port}/x`)))
  assert.ok(failure instanceof SourceError)
  assert.match(failure.message, /no answer within/)
})

test('whoever goes away before the answer is there waits no longer', async t => {
  const { port, open } = await listening(t, () => {})
  const question = questionTo(`http://127.0.0.1:${port}/x`)
  const going = new AbortController()
  setTimeout(() => going.abort(), 50)
  assert.notEqual((await failureOf(respond(question, { signal: going.signal }))).message, 'never settled')
  assert.notEqual(
    (await failureOf(respond(question, { signal: AbortSignal.abort() }))).message,
    'never settled',
  )
  await until(() => [...open].every(socket => socket.readableEnded || socket.destroyed))
})
