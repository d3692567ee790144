/** Caches that want to be asked less, that fail, or that are not there; over real sockets. */
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openUpstream } from '../../../src/evidence/upstreams/open-upstream.ts'
import { retryAfter } from '../../../src/http/retry-after.ts'
import { cachedPath } from '../../support/cache-of-many.ts'

const HELLO = cachedPath('hello', 'hello\n', [])
const SOON = 'answered'

interface Cache {
  readonly url: string
  /** When it was asked, in milliseconds since its start. */
  readonly asked: number[]
  /** The most requests that it had at once. */
  most: number
}

/** Answers each request as `answer` says, after 20 milliseconds. */
async function serving(
  t: TestContext,
  answer: (response: ServerResponse, count: number, name: string) => unknown,
): Promise<Cache> {
  const cache = { url: '', asked: [] as number[], most: 0 }
  const start = performance.now()
  let now = 0
  const server = createServer((request, response) => {
    cache.asked.push(performance.now() - start)
    const count = cache.asked.length
    cache.most = Math.max(cache.most, ++now)
    setTimeout(() => {
      now--
      answer(response, count, (request.url ?? '').slice(1))
    }, 20)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  cache.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return cache
}

const well = (response: ServerResponse) => response.end(HELLO.narinfo)
const busy = (response: ServerResponse, seconds?: string) =>
  response.writeHead(429, seconds === undefined ? {} : { 'retry-after': seconds }).end()

async function ask(upstream: ReturnType<typeof openUpstream>): Promise<string> {
  const said = await upstream.narinfo(HELLO.digest)
  return `${said.kind}: ${'detail' in said ? said.detail : ''}`
}

test('a cache that wants a second gets it, and then answers', async t => {
  const cache = await serving(t, (response, count) => (count === 1 ? busy(response, '1') : well(response)))
  const upstream = openUpstream({ url: cache.url }, { timeout: 5000 })
  assert.match(await ask(upstream), /^offer/)
  const [first = 0, second = 0] = cache.asked
  assert.ok(second - first >= 990, String(cache.asked))
})

test('where it wants longer than there is time, it is left alone until then', async t => {
  const cache = await serving(t, (response, count) => (count === 1 ? busy(response, '2') : well(response)))
  const upstream = openUpstream({ url: cache.url }, { timeout: 1000 })
  assert.match(await ask(upstream), /^silent: answered 429$/)
  const again = await ask(upstream)
  assert.match(again, /^silent: answered 429; it is left alone for [\d.]+ seconds$/)
  assert.equal(await ask(upstream), again, 'said in the same words, so that it is logged once')
  assert.equal(cache.asked.length, 1)
  await sleep(2100)
  assert.match(await ask(upstream), /^offer/)
})

test('25 questions at once do not come back at once', async t => {
  const cache = await serving(t, (response, count) => (count <= 25 ? busy(response, '1') : well(response)))
  const upstream = openUpstream({ url: cache.url }, { timeout: 8000 })
  const answers = await Promise.all(Array.from({ length: 25 }, () => ask(upstream)))
  assert.deepEqual([...new Set(answers)], ['offer: '])
  assert.equal(cache.asked.length, 50)
  const again = cache.asked.slice(25)
  const [first = 0] = again
  const close = again.filter(time => time - first < 15)
  assert.equal(close.length, 1, 'the first one is asked alone')
})

for (const status of [500, 502, 503, 504, 429]) {
  test(`a cache that goes on answering ${status} is soon left alone`, async t => {
    const cache = await serving(t, response => response.writeHead(status).end())
    const upstream = openUpstream({ url: cache.url }, { timeout: 3000 })
    const start = performance.now()
    const answers = await Promise.all(Array.from({ length: 25 }, () => ask(upstream)))
    assert.ok(performance.now() - start < 10_000)
    assert.ok(
      answers.every(answer => answer.startsWith(`silent: ${SOON} ${status}`)),
      answers.join('\n'),
    )
    assert.ok(cache.asked.length <= 32, `${cache.asked.length}`)
    const before = cache.asked.length
    for (let count = 0; count < 1000; count++) assert.match(await ask(upstream), /left alone for/)
    assert.equal(cache.asked.length, before)
  })
}

test('a failure that passes is not seen, and one path that fails keeps no other waiting', async t => {
  const once = await serving(t, (response, count) =>
    count === 1 ? response.writeHead(502).end() : well(response),
  )
  assert.match(await ask(openUpstream({ url: once.url }, { timeout: 3000 })), /^offer/)
  const other = cachedPath('other', 'other\n', [])
  const partly = await serving(t, (response, _, name) =>
    name.startsWith(other.digest) ? response.writeHead(500).end() : well(response),
  )
  const upstream = openUpstream({ url: partly.url }, { timeout: 3000 })
  const failing = upstream.narinfo(other.digest)
  for (let count = 0; count < 20; count++) assert.match(await ask(upstream), /^offer/)
  assert.equal((await failing).kind, 'silent')
  assert.match(await ask(upstream), /^offer/)
})

test('a cache that is not there costs no time, and is asked again soon', async () => {
  const upstream = openUpstream({ url: 'http://127.0.0.1:1' }, { timeout: 3000 })
  const start = performance.now()
  for (let count = 0; count < 1000; count++) assert.match(await ask(upstream), /^silent: .*ECONNREFUSED/)
  assert.ok(performance.now() - start < 20_000)
})

test('what is forgotten is asked at once', async t => {
  const cache = await serving(t, (response, count) => (count === 1 ? busy(response, '200') : well(response)))
  const upstream = openUpstream({ url: cache.url }, { timeout: 1000 })
  assert.match(await ask(upstream), /^silent/)
  upstream.forget?.()
  assert.match(await ask(upstream), /^offer/)
})

test('a NAR waits a little for a cache that is busy, and then fails', async t => {
  const cache = await serving(t, (response, count) =>
    count === 1 ? busy(response, '1') : count === 2 ? response.end('nar') : busy(response, '60'),
  )
  const upstream = openUpstream({ url: cache.url }, { timeout: 10_000 })
  const streamed = await upstream.stream('nar', {})
  assert.equal(Buffer.concat((await streamed?.body.toArray()) ?? []).toString(), 'nar')
  const start = performance.now()
  await assert.rejects(upstream.stream('nar', {}), /^SourceError: answered 429$/)
  await assert.rejects(upstream.stream('nar', {}), /^SourceError: answered 429; it is left alone/)
  assert.ok(performance.now() - start < 10_000)
})

test('Retry-After is seconds or a date of HTTP, five minutes at most', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  for (const [text, milliseconds] of [
    ['0', 0],
    ['7', 7000],
    ['86400', 300_000],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 9000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['Fri, 01 Jan 2027 00:00:00 GMT', 300_000],
    ['-1', undefined],
    ['1.5', undefined],
    ['2027', 300_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    assert.equal(retryAfter(text, now), milliseconds, text)
  }
})

test('some connections that break take no answer away from those who ask at the same time', async t => {
  const cache = await serving(t, (response, count) =>
    count % 10 === 3 ? response.socket?.destroy() : well(response),
  )
  const upstream = openUpstream({ url: cache.url }, { timeout: 5000 })
  const said = await Promise.all(Array.from({ length: 25 }, () => ask(upstream)))
  assert.deepEqual([...new Set(said)], ['offer: '])
})

test('a redirection that leads nowhere keeps nobody from asking the cache about other paths', async t => {
  const cache = await serving(t, (response, _count, name) =>
    name.startsWith(HELLO.digest)
      ? well(response)
      : response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  )
  const upstream = openUpstream({ url: cache.url }, { timeout: 3000 })
  const lost = upstream.narinfo(`${'0'.repeat(31)}1`)
  const said = await Promise.all(Array.from({ length: 10 }, () => ask(upstream)))
  assert.deepEqual([...new Set(said)], ['offer: '])
  assert.equal((await lost).kind, 'silent')
  assert.equal(await ask(upstream), 'offer: ')
})
