/** Caches that want to know who asks, and what caches say of themselves; over real sockets. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { byPriority } from '../../../src/evidence/upstreams/by-priority.ts'
import { openUpstream } from '../../../src/evidence/upstreams/open-upstream.ts'
import { cacheInfo } from '../../../src/gate/respond.ts'
import { cachedPath } from '../../support/cache-of-many.ts'

const HELLO = cachedPath('hello', 'hello\n', [])
const INFO = 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 41\n'

type Answer = (name: string, request: IncomingMessage, response: ServerResponse) => unknown

async function serving(t: TestContext, answer: Answer, host = '127.0.0.1') {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice(1)
    asked.push(name)
    answer(name, request, response)
  })
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, url: `http://${host}:${(server.address() as AddressInfo).port}` }
}

function secret(t: TestContext, text: string, mode = 0o600): string {
  const directory = mkdtempSync('/tmp/nixsig-private-')
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'secret')
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

async function ask(upstream: ReturnType<typeof openUpstream>): Promise<string> {
  const said = await upstream.narinfo(HELLO.digest)
  return `${said.kind}: ${'detail' in said ? said.detail : ''}`
}

/** Says `miss` of what it does not have, and 401 to whoever has no password. */
const privately =
  (password: string, miss: number): Answer =>
  (name, { headers }, response) => {
    if (headers.authorization !== password) return response.writeHead(401).end()
    return name === 'nix-cache-info' ? response.end(INFO) : response.writeHead(miss).end()
  }

for (const miss of [401, 403, 404]) {
  test(`a private cache that answers ${miss} for what it lacks: absent, once it is seen to work so`, async t => {
    const { url, asked } = await serving(t, privately('Bearer T', miss))
    const upstream = openUpstream({ url, authorization: secret(t, 'Bearer T\n') }, { timeout: 2000 })
    for (let count = 0; count < 20; count++) assert.match(await ask(upstream), /^absent/)
    assert.equal(await upstream.stream('nar/x', {}), undefined)
    assert.equal(asked.filter(name => name === 'nix-cache-info').length, miss === 404 ? 0 : 1)
    const wrong = openUpstream({ url, authorization: secret(t, 'Bearer X\n') }, { timeout: 2000 })
    assert.match(await ask(wrong), /^silent: answered 401; is its authorization still accepted\?$/)
    await assert.rejects(wrong.stream('nar/x', {}), /answered 401/)
  })
}

for (const [how, fail] of [
  ['fail', (response: ServerResponse) => response.writeHead(500).end()],
  ['are turned away', (response: ServerResponse) => response.writeHead(429, { 'retry-after': '60' }).end()],
  ['hang', () => {}],
] as const) {
  test(`attack: logs that ${how} at a private cache silence neither its narinfos nor its NARs`, async t => {
    const { url, asked } = await serving(t, (name, _, response) => {
      if (name.startsWith('log/')) return fail(response)
      const found = name === HELLO.url ? HELLO.nar : name === 'nix-cache-info' ? INFO : HELLO.narinfo
      return response.end(found)
    })
    const upstream = openUpstream({ url, authorization: secret(t, 'Bearer T\n') }, { timeout: 1100 })
    for (let count = 0; count < 5; count++) {
      const log = upstream.stream(`log/${HELLO.digest}-${count}.drv`, { kind: 'log', encoded: 'pass on' })
      await assert.rejects(log, { name: 'SourceError' })
      assert.match(await ask(upstream), /^offer/)
      const streamed = await upstream.stream(HELLO.url, {})
      assert.deepEqual(Buffer.concat((await streamed?.body.toArray()) ?? []), Buffer.from(HELLO.nar))
    }
    // The logs themselves are left alone meanwhile: without that, each is asked for three times.
    assert.ok(asked.filter(name => name.startsWith('log/')).length < 15)
  })
}

test('a netrc file speaks for the host of a cache on this machine, and for no other server', async t => {
  const basic = `Basic ${Buffer.from('x:y').toString('base64')}`
  const netrcFile = secret(t, 'machine 127.0.0.1 login x password y\nmachine 192.0.2.1 login x password y\n')
  const { url } = await serving(t, privately(basic, 403))
  const upstream = openUpstream({ url }, { timeout: 2000, netrcFile })
  assert.match(await ask(upstream), /^absent/)
  assert.equal(upstream.locate('nar/x').kind, 'streamed', 'Nix itself may not know the password')
  // Over http the password would be readable on the way.
  const elsewhere = await serving(t, privately(basic, 403), '192.0.2.1')
  assert.match(await ask(openUpstream({ url: elsewhere.url }, { timeout: 2000, netrcFile })), /answered 401$/)
})

test('a netrc file is read again when it has changed, and must be nobody else’s', async t => {
  const netrcFile = secret(t, '')
  const { url } = await serving(t, privately(`Basic ${Buffer.from('x:y').toString('base64')}`, 404))
  const upstream = openUpstream({ url }, { timeout: 2000, netrcFile })
  assert.match(await ask(upstream), /^silent: answered 401$/)
  writeFileSync(netrcFile, 'default login x password y')
  assert.match(await ask(upstream), /^absent/)
  chmodSync(netrcFile, 0o666)
  assert.match(await ask(upstream), /^silent: \S+ is writable by others/)
  chmodSync(netrcFile, 0o600)
  writeFileSync(netrcFile, 'default login "x')
  const said = await ask(upstream)
  assert.match(said, /^silent: \S+: netrc file: a quotation does not end.*line 1/)
})

test('a cache of another store is of no use, whatever it has', async t => {
  const { url, asked } = await serving(t, (name, _, response) =>
    response.end(name === 'nix-cache-info' ? 'StoreDir: /gnu/store\n' : HELLO.narinfo),
  )
  const upstream = openUpstream({ url }, { timeout: 2000 })
  assert.match(await ask(upstream), /^offer/, 'the first answer does not wait')
  await upstream.asked()
  const problem = /^silent: is a cache of the store \/gnu\/store, and not of \/nix\/store$/
  for (let count = 0; count < 5; count++) assert.match(await ask(upstream), problem)
  assert.equal(asked.length, 2)
})

test('caches come by priority: the policy’s, else their own, else 50', async t => {
  const says = (text: string | undefined) =>
    serving(t, (_, __, response) => (text === undefined ? response.writeHead(404).end() : response.end(text)))
  const open = async (text: string | undefined, priority?: number) => {
    const { url } = await says(text)
    const upstream = openUpstream({ url, ...(priority === undefined ? {} : { priority }) }, { timeout: 2000 })
    await upstream.asked()
    return upstream
  }
  const upstreams = [
    await open(undefined),
    await open('Priority: 60\n'),
    await open('Priority: 40\n'),
    await open('Priority: 10\n', 55),
    await open('Priority: nonsense\n'),
    await open('Priority: 90\n', 5),
  ]
  const order = byPriority(upstreams).map(upstream => upstreams.indexOf(upstream))
  assert.deepEqual(order, [5, 2, 0, 4, 3, 1])
})

test('the gate says what its upstreams say: wanted if one wants it or is not known, as soon as the best', () => {
  const info = (...standings: Parameters<typeof cacheInfo>[0]) => String(cacheInfo(standings).body)
  const says = (priority: number, wantsMassQuery: boolean, isKnown = true) => ({
    priority,
    wantsMassQuery,
    isKnown,
  })
  const text = (want: number, priority: number) =>
    `StoreDir: /nix/store\nWantMassQuery: ${want}\nPriority: ${priority}\n`
  assert.equal(info(), text(1, 30))
  assert.equal(info(says(50, false, false), says(40, true)), text(1, 30))
  assert.equal(info(says(50, false), says(40, true)), text(1, 40))
  assert.equal(info(says(50, false), says(41, false)), text(0, 41))
})
