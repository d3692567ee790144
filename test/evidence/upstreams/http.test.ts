import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openUpstream } from '../../../src/evidence/upstreams/open-upstream.ts'
import { cachedPath } from '../../support/cache-of-many.ts'

const HELLO = cachedPath('hello', 'hello\n', [])
const NARINFO = `/${HELLO.digest}.narinfo`

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server with this request handler; the headers of the requests that it received. */
async function serving(t: TestContext, handler: Handler) {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    handler(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function saidBy(t: TestContext, handler: Handler, authorization?: string): Promise<string> {
  const { url } = await serving(t, handler)
  const settings = authorization === undefined ? { url } : { url, authorization }
  const said = await openUpstream(settings, { timeout: 300 }).narinfo(HELLO.digest)
  return `${said.kind}: ${'detail' in said ? said.detail : ''}`
}

test('a cache offers NARs that Nix can download itself', async t => {
  const { url, asked } = await serving(t, (_, response) => response.end(HELLO.narinfo))
  const said = await openUpstream({ url }, { timeout: 1000 }).narinfo(HELLO.digest)
  assert.ok(said.kind === 'offer')
  assert.deepEqual(said.offer.nar, { kind: 'url', url: `${url}/${HELLO.url}` })
  assert.equal(asked[0]?.url, NARINFO)
  assert.equal(asked[0]?.headers.authorization, undefined)
})

const status =
  (code: number): Handler =>
  (_, response) =>
    response.writeHead(code).end()

const CASES: Readonly<Record<string, readonly [Handler, RegExp]>> = {
  'what is not there': [status(404), /^absent/],
  'what is gone': [status(410), /^absent/],
  'what S3 shows to nobody': [status(403), /^absent/],
  'a server error': [status(500), /^silent: answered 500$/],
  'too many questions': [status(429), /^silent: answered 429$/],
  'a wish for a password': [status(401), /^silent: answered 401$/],
  silence: [() => {}, /^silent: no answer within 0.3 seconds$/],
  'a broken connection': [request => request.socket.destroy(), /^silent: /],
  'the narinfo of another path': [
    (_, response) => response.end(cachedPath('other', 'x', []).narinfo),
    /^malformed: narinfo: it is about another path/,
  ],
  'ten megabytes': [
    (_, response) => response.end(Buffer.alloc(10 << 20, 'a')),
    /^malformed: answered with more than 1048576 bytes$/,
  ],
  'bytes without an end': [
    (_, response) => {
      const timer = setInterval(() => response.write('a'), 10)
      response.on('close', () => clearInterval(timer))
    },
    /^silent: did not come to the end of its answer within 0.3 seconds$/,
  ],
  'an encoding': [
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    /^malformed: answered in the encoding "gzip"/,
  ],
  'a redirection to a file': [
    (_, response) => response.writeHead(302, { location: 'file:///etc/shadow' }).end(),
    /^malformed: redirects to "file:\/\/\/etc\/shadow", which is not an address to follow$/,
  ],
  'a redirection to itself': [
    (request, response) => response.writeHead(302, { location: request.url ?? '' }).end(),
    /^malformed: redirects more than 20 times$/,
  ],
  'a narinfo that breaks off': [
    (_, response) =>
      response.writeHead(200, { 'content-length': '9999' }).write('StorePath: ', () => response.destroy()),
    /^silent: broke off in the middle of its answer$/,
  ],
}

for (const [what, [handler, words]] of Object.entries(CASES)) {
  test(`a cache answers with ${what}`, async t => assert.match(await saidBy(t, handler), words))
}

test('a cache that nobody serves is silent', async () => {
  const said = await openUpstream({ url: 'http://127.0.0.1:1' }, { timeout: 300 }).narinfo(HELLO.digest)
  assert.ok(said.kind === 'silent')
  assert.match(said.detail, /ECONNREFUSED/)
})

test('a connection that the cache closed meanwhile does not make it silent', async t => {
  let answers = 0
  const { url } = await serving(t, (request, response) => {
    // The first answer keeps the connection open; the next request over it finds it closed.
    if (answers++ === 1) request.socket.destroy()
    else response.end(HELLO.narinfo)
  })
  const upstream = openUpstream({ url }, { timeout: 1000 })
  for (const round of ['first', 'second']) {
    assert.equal((await upstream.narinfo(HELLO.digest)).kind, 'offer', round)
  }
  assert.equal(answers, 3)
})

test('an authorization is sent, and its file is never quoted', async t => {
  const directory = mkdtempSync('/tmp/nixsig-authorization-')
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'token')
  const write = (text: string, mode: number) => {
    writeFileSync(file, text)
    chmodSync(file, mode)
  }
  const wanting: Handler = (request, response) =>
    request.headers.authorization === 'Bearer hush'
      ? response.end(HELLO.narinfo)
      : response.writeHead(403).end()
  write('Bearer hush\n', 0o600)
  assert.match(await saidBy(t, wanting, file), /^offer/)
  write('Bearer wrong\n', 0o600)
  assert.match(
    await saidBy(t, wanting, file),
    /^silent: answered 403; is its authorization still accepted\?$/,
  )
  for (const [text, mode, words] of [
    ['Bearer hush\n', 0o640, /^silent: the authorization \S+ can be read or written by others/],
    ['Bearer hush\nX-Other: 1\n', 0o600, /does not hold one line of visible ASCII$/],
    ['', 0o600, /does not hold one line of visible ASCII$/],
  ] as const) {
    write(text, mode)
    const said = await saidBy(t, wanting, file)
    assert.match(said, words)
    assert.doesNotMatch(said, /hush/)
  }
  rmSync(file)
  assert.match(await saidBy(t, wanting, file), /^silent: the authorization \S+ is not there$/)
})

test('a NAR is streamed whole or in part, and ended when it stalls or is no longer wanted', async t => {
  const { url } = await serving(t, (request, response) => {
    if (request.url === '/stalls') response.writeHead(200, { 'content-length': '8' }).write('half')
    else if (request.url === '/gone') response.writeHead(404).end()
    else if (request.url === '/broken') response.writeHead(500).end()
    else if (request.headers.range === 'bytes=1-2') {
      response.writeHead(206, { 'content-range': 'bytes 1-2/4' }).end('el')
    } else response.end('hell')
  })
  const upstream = openUpstream({ url }, { timeout: 200 })
  const text = async (name: string, range?: string) => {
    const streamed = await upstream.stream(name, range === undefined ? {} : { range })
    const body = Buffer.concat((await streamed?.body.toArray()) ?? []).toString()
    return [streamed?.status, streamed?.contentRange, body]
  }
  assert.deepEqual(await text('nar'), [200, undefined, 'hell'])
  assert.deepEqual(await text('nar', 'bytes=1-2'), [206, 'bytes 1-2/4', 'el'])
  assert.equal(await upstream.stream('gone', {}), undefined)
  await assert.rejects(upstream.stream('broken', {}), { name: 'SourceError', message: 'answered 500' })
  await assert.rejects(text('stalls'), { name: 'SourceError', message: 'did not go on with its answer' })
  await assert.rejects(upstream.stream('../other', {}), { name: 'FormatError' })
  const abort = new AbortController()
  const streamed = await upstream.stream('stalls', { signal: abort.signal })
  abort.abort()
  assert.equal(streamed?.body.destroyed, true)
})
