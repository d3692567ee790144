/**
 * One cache redirects to its store by a name, as caches do. Others redirect to names that no DNS
 * answers, one for each path, so that each question to the resolver takes seconds.
 */
import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { cachedPath } from '../support/cache-of-many.ts'
import { serveName } from '../support/dns-server.ts'
import { ALPHA, withGatedWorld } from '../support/gated-world.ts'
import { serveUpstream } from '../support/upstream-server.ts'
import { NEWEST } from '../support/world.ts'

const NAMED = cachedPath('named', 'named\n', [ALPHA])

async function serving(handler: RequestListener): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(handler)
  await new Promise<void>(resolve => server.listen(0, resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

for (const version of NEWEST) {
  test(`${version}: attack: dead names of two caches keep the command line from no other cache`, async () => {
    const store = await serveUpstream([NAMED])
    const dns = await serveName('store.example')
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
        const from = caches.map(url => `--from ${url}`).join(' ')
        const { status, stdout, stderr } = await world.run(`/opt/nixsig/nixsig verify ${NAMED.path} ${from}`)
        assert.equal(status, 0, stdout + stderr)
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
