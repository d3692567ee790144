/**
 * One cache redirects to its store by a name, as caches do. Others redirect to names that no DNS
 * answers, one for each path, so that each question to the resolver takes seconds.
 */
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { cachedPath } from '../support/cache-of-many.ts'
import { ALPHA, withGatedWorld } from '../support/gated-world.ts'
import { serveUpstream } from '../support/upstream-server.ts'
import { NEWEST } from '../support/world.ts'

const PATHS = Array.from({ length: 1 }, (_, n) => cachedPath(`named-${n}`, `${n}\n`, [ALPHA]))

async function serving(handler: RequestListener): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(handler)
  await new Promise<void>(resolve => server.listen(0, resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

for (const version of NEWEST) {
  test(`${version}: attack: dead names of two caches keep the command line from no other cache`, async () => {
    const store = await serveUpstream(PATHS)
    const dns = await serveNames()
    const honest = await serving((request, response) =>
      // Some milliseconds away, so that the others are first at the resolver.
      setTimeout(
        () =>
          response
            .writeHead(302, { location: `http://store.example:${new URL(store.url).port}${request.url}` })
            .end(),
        50,
      ),
    )
    // By two addresses, and so two servers, as far as anybody can tell.
    const evil = await serving((request, response) => {
      const label = `${(request.url ?? '').slice(1, 33)}.${String(request.socket.localAddress).replace(/\W/g, '-')}`
      response.writeHead(302, { location: `http://${label}.dead.example${request.url}` }).end()
    })
    const caches = [honest.url, evil.url, evil.url.replace('127.0.0.1', '127.0.0.2')]
    try {
      await withGatedWorld(version, '', async ({ world }) => {
        world.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
        world.write('/etc/nsswitch.conf', 'hosts: files dns\n')
        for (const { path } of PATHS) {
          const from = caches.map(url => `--from ${url}`).join(' ')
          const { status, stdout, stderr } = await world.run(`/opt/nixsig/nixsig verify ${path} ${from}`)
          assert.equal(status, 0, stdout + stderr)
        }
      })
    } finally {
      dns.close()
      for (const { server } of [honest, evil]) {
        server.closeAllConnections()
        server.close()
      }
      await store.close()
    }
  })
}

/** A DNS server that knows `store.example` and answers nothing about other names. */
async function serveNames(): Promise<Socket> {
  const dns = createSocket('udp4', (message, from) => {
    const labels: string[] = []
    let at = 12
    for (let length = message[at] ?? 0; length !== 0; at += length + 1, length = message[at] ?? 0)
      labels.push(message.toString('latin1', at + 1, at + 1 + length))
    if (labels.join('.') !== 'store.example') return
    const isA = message.readUInt16BE(at + 1) === 1
    const head = Buffer.from(message.subarray(0, at + 5))
    head.writeUInt16BE(0x8180, 2)
    head.writeUInt16BE(isA ? 1 : 0, 6)
    head.writeUInt32BE(0, 8)
    const answer = isA ? Buffer.from('c00c000100010000000000047f000001', 'hex') : Buffer.alloc(0)
    dns.send(Buffer.concat([head, answer]), from.port, from.address)
  })
  await new Promise<void>(resolve => dns.bind(53, '127.0.0.1', resolve))
  return dns
}
