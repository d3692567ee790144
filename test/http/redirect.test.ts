/**
 * Redirections by caches that are on this machine (127.0.0.1) and by caches elsewhere
 * (198.51.100.1, and 10.99.0.1 in a private network). The test runner gives these to each file.
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openUpstream } from '../../src/evidence/upstreams/open-upstream.ts'
import { get } from '../../src/http/client.ts'
import { cachedPath } from '../support/cache-of-many.ts'

const HELLO = cachedPath('hello', 'hello\n', [])
const NAME = `${HELLO.digest}.narinfo`
const HERE = '127.0.0.1'
const ELSEWHERE = '198.51.100.1'
const PRIVATE = '10.99.0.1'

interface Server {
  readonly url: string
  readonly asked: IncomingMessage[]
}

/** A server that answers with a redirection where `leads` gives one, and else with the files. */
async function serving(
  t: TestContext,
  host: string,
  leads: (name: string) => readonly [status: number, location: string] | undefined = () => undefined,
): Promise<Server> {
  const asked: IncomingMessage[] = []
  const files: Readonly<Record<string, string | Uint8Array>> = {
    [NAME]: HELLO.narinfo,
    [HELLO.url]: HELLO.nar,
  }
  const server = createServer((request, response) => {
    asked.push(request)
    const name = (request.url ?? '').slice(1)
    const led = leads(name)
    if (led !== undefined) return response.writeHead(led[0], { location: led[1] }).end()
    const found = files[name.replace(/\?.*/, '').replace(/^deep\//, '')]
    return found === undefined ? response.writeHead(404).end() : response.end(found)
  })
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, url: `http://${host}:${(server.address() as AddressInfo).port}` }
}

async function saidBy(settings: { readonly url: string; readonly authorization?: string }): Promise<string> {
  const said = await openUpstream(settings, { timeout: 2000 }).narinfo(HELLO.digest)
  return `${said.kind}: ${'detail' in said ? said.detail : ''}`
}

function secretFile(t: TestContext, text: string): string {
  const directory = mkdtempSync('/tmp/nixsig-redirect-')
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'secret')
  writeFileSync(file, text)
  chmodSync(file, 0o600)
  return file
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`${status}: narinfo and NAR come from an object store, which sees no password`, async t => {
    const store = await serving(t, ELSEWHERE)
    const front = await serving(t, HERE, name => [status, `${store.url}/deep/${name}?X-Amz-Signature=s`])
    const upstream = openUpstream(
      { url: front.url, authorization: secretFile(t, 'Bearer T\n') },
      { timeout: 2000 },
    )
    assert.equal((await upstream.narinfo(HELLO.digest)).kind, 'offer')
    const streamed = await upstream.stream(HELLO.url, {})
    assert.deepEqual(Buffer.concat((await streamed?.body.toArray()) ?? []), Buffer.from(HELLO.nar))
    assert.deepEqual(
      front.asked.map(({ headers }) => headers.authorization),
      ['Bearer T', 'Bearer T'],
    )
    assert.equal(store.asked.length, 2)
    for (const { headers, url } of store.asked) {
      assert.equal(headers.authorization, undefined)
      assert.equal(headers.cookie, undefined)
      assert.match(url ?? '', /X-Amz-Signature=s$/)
    }
  })
}

test('a chain is followed over relative addresses, 20 steps at most, and a loop ends', async t => {
  const steps = (count: number) => (name: string) => {
    const step = Number(/^step(\d+)$/.exec(name)?.[1] ?? 0)
    if (step === count) return [302, `/${NAME}?end`] as const
    return name.endsWith('?end') ? undefined : ([302, `step${step + 1}`] as const)
  }
  assert.match(await saidBy(await serving(t, ELSEWHERE, steps(19))), /^offer/)
  assert.match(
    await saidBy(await serving(t, ELSEWHERE, steps(20))),
    /^malformed: redirects more than 20 times/,
  )
  const loop = await serving(t, ELSEWHERE, name => [302, name === 'a' ? '/b' : '/a'])
  assert.match(await saidBy(loop), /^malformed: redirects more than 20 times/)
  assert.equal(loop.asked.length, 21)
})

/** Addresses that lead to this machine. */
const NEAR = [
  '127.0.0.1',
  '127.9.9.9',
  'localhost',
  'x.localhost',
  '0',
  '0.0.0.0',
  '2130706433',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '169.254.169.254',
  '[fe80::1]',
  // On one of this machine's interfaces.
  '192.0.2.1',
  '[::ffff:192.0.2.1]',
  'localhost4',
  'localhost6.localdomain6',
  '224.0.0.1',
  '255.255.255.255',
  '[ff02::1]',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
  '[2001:0:cb00:7101::80ff:fffe]',
  'metadata.google.internal',
  'host.docker.internal',
  '[fd00:42::42]',
  '[fd00:ec2::23]',
]

for (const host of NEAR) {
  test(`attack: a cache elsewhere leads to ${host}: nobody asks there`, async t => {
    const hidden = await serving(t, HERE)
    const { port } = new URL(hidden.url)
    for (const steps of [1, 2]) {
      const cache: Server = await serving(t, ELSEWHERE, name =>
        steps === 2 && !name.startsWith('on/')
          ? [302, `${cache.url}/on/${name}`]
          : [302, `http://${host}:${port}/admin?token=hush`],
      )
      const said = await saidBy(cache)
      assert.match(
        said,
        /^malformed: redirects to "\S+", which is an address of this machine, or link-local, or for special purposes$/,
      )
      assert.doesNotMatch(said, /hush/)
      const upstream = openUpstream({ url: cache.url }, { timeout: 2000 })
      await assert.rejects(upstream.stream(HELLO.url, {}), /an address of this machine, or link-local/)
    }
    assert.deepEqual(hidden.asked, [])
  })
}

test('a cache of this machine leads to this machine, but not by way of another one', async t => {
  const store = await serving(t, HERE)
  assert.match(await saidBy(await serving(t, HERE, name => [302, `${store.url}/${name}`])), /^offer/)
  const other = await serving(t, ELSEWHERE, name => [302, `${store.url}/${name}`])
  const front = await serving(t, HERE, name => [302, `${other.url}/${name}`])
  assert.match(await saidBy(front), /^malformed: .*an address of this machine/)
  assert.equal(store.asked.length, 1)
})

for (const host of [PRIVATE, '[::ffff:10.99.0.1]', 'nas.internal', 'nas', '[fd12::1]']) {
  test(`attack: a cache outside leads into a private network (${host}): nobody asks there`, async t => {
    const hidden = await serving(t, PRIVATE)
    const cache = await serving(t, ELSEWHERE, () => [
      302,
      `http://${host}:${new URL(hidden.url).port}/admin?token=hush`,
    ])
    assert.match(
      await saidBy(cache),
      /^malformed: redirects to "[^"]+", which is in a private network, and who redirects there is not$/,
    )
    assert.deepEqual(hidden.asked, [])
  })
}

test('a cache in a private network leads there and outside, but not to this machine, nor back by way of others', async t => {
  const [store, outer, here] = [
    await serving(t, PRIVATE),
    await serving(t, ELSEWHERE),
    await serving(t, HERE),
  ]
  const leadsTo = ({ url }: Server) => serving(t, PRIVATE, name => [302, `${url}/${name}`])
  assert.match(await saidBy(await leadsTo(store)), /^offer/)
  assert.match(await saidBy(await leadsTo(outer)), /^offer/)
  assert.match(await saidBy(await leadsTo(here)), /^malformed: .*an address of this machine/)
  const other = await serving(t, ELSEWHERE, name => [302, `${store.url}/${name}`])
  assert.match(await saidBy(await leadsTo(other)), /^malformed: .*is in a private network/)
  // One of this machine leads anywhere.
  assert.match(await saidBy(await serving(t, HERE, name => [302, `${store.url}/${name}`])), /^offer/)
  assert.deepEqual([store.asked.length, here.asked.length], [2, 0])
})

test('a cache of a private network that closes its connections leads there as well', async t => {
  const store = await serving(t, PRIVATE)
  const front = createServer((request, response) => {
    response.writeHead(302, { location: `${store.url}${request.url}`, connection: 'close' }).end()
    response.socket?.destroySoon()
  })
  await new Promise<void>(resolve => front.listen(0, PRIVATE, resolve))
  t.after(() => front.close())
  const url = `http://${PRIVATE}:${(front.address() as AddressInfo).port}`
  assert.match(await saidBy({ url }), /^offer/)
})

test('a cache on an interface of this machine leads to this machine', async t => {
  const store = await serving(t, '192.0.2.1')
  assert.match(await saidBy(await serving(t, '192.0.2.1', name => [302, `${store.url}/${name}`])), /^offer/)
})

test('attack: a cache elsewhere leads through a proxy to a service of the cloud', async t => {
  for (const host of ['metadata.google.internal', 'instance-data', '100.100.100.200', '192.0.2.1']) {
    const asked: string[] = []
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '')
      return response.writeHead(302, { location: `http://${host}/latest` }).end()
    })
    await new Promise<void>(resolve => proxy.listen(0, HERE, resolve))
    t.after(() => proxy.close())
    const http = { noProxy: [], proxy: `http://${HERE}:${(proxy.address() as AddressInfo).port}` }
    const upstream = openUpstream({ url: 'http://cache.example' }, { timeout: 2000, http })
    const said = await upstream.narinfo(HELLO.digest)
    assert.match(
      'detail' in said ? said.detail : '',
      /an address of this machine, or link-local, or for special/,
    )
    assert.deepEqual(asked, [`http://cache.example/${NAME}`])
  }
})

test('attack: a cache behind a proxy leads through it into a private network', async t => {
  for (const host of ['10.0.0.5', '[fd12::1]', 'nas', 'vault.internal', 'printer.local']) {
    const proxy = createServer((_, response) =>
      response.writeHead(302, { location: `http://${host}/x` }).end(),
    )
    await new Promise<void>(resolve => proxy.listen(0, HERE, resolve))
    t.after(() => proxy.close())
    const http = { noProxy: [], proxy: `http://${HERE}:${(proxy.address() as AddressInfo).port}` }
    const said = async (url: string) => {
      const answer = await openUpstream({ url }, { timeout: 2000, http }).narinfo(HELLO.digest)
      return 'detail' in answer ? answer.detail : ''
    }
    assert.match(
      await said('http://cache.example'),
      /is in a private network, and who redirects there is not$/,
    )
    // It leads from one name or address of such a network to another, over and over.
    assert.match(await said('http://cache.internal'), /^redirects more than 20 times$/)
    assert.match(await said('http://10.0.0.7'), /^redirects more than 20 times$/)
  }
})

test('a presigned address stays out of what is said', async t => {
  for (const location of [
    'ftp://store.example.org/x?X-Amz-Signature=hush',
    'https://name:hush@store.example.org/x?hush',
    'http://[?hush',
  ]) {
    const said = await saidBy(await serving(t, ELSEWHERE, () => [302, location]))
    assert.match(said, /^malformed: redirects to "[^"]*", which is not an address to follow$/)
    assert.doesNotMatch(said, /hush/)
  }
})

test('who asks for the same host alone is led nowhere else', async t => {
  const store = await serving(t, ELSEWHERE)
  const front = await serving(t, HERE, name => [302, `${store.url}/${name}?hush`])
  const patience = { headers: 2000, body: 2000, pauses: [] }
  const asked = get({ url: `${front.url}/${NAME}`, limit: 1e6, excess: 'refuse', patience })
  await assert.rejects(asked, /^SourceError: redirects to "[^"?]*\?…", which is not the same host$/)
  assert.deepEqual(store.asked, [])
})
