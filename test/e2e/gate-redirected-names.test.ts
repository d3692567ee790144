/**
 * A cache redirects to names that its DNS never answers for, while another cache has a name that the
 * same resolver must be asked about.
 */
// takes: 25
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cachedPath } from '../support/cache-of-many.ts'
import { serveName } from '../support/dns-server.ts'
import { startGate } from '../support/gate-process.ts'
import { ALPHA, withGatedWorld } from '../support/gated-world.ts'
import { POLICY } from '../support/trust.ts'
import { serveUpstream } from '../support/upstream-server.ts'
import { NEWEST } from '../support/world.ts'

const PATHS = Array.from({ length: 80 }, (_, n) => cachedPath(`p${n}`, `p${n}\n`, [ALPHA]))
const BURST = 60
/** Milliseconds for an answer by a gate that waits for nobody's DNS. */
const SOON = 5000

for (const version of NEWEST) {
  test(`${version}: attack: redirections to names without an answer silence no other cache`, async () => {
    const honest = await serveUpstream(PATHS)
    const dns = await serveName('honest.example')
    let isEvil = false
    const evil = createServer((request, response) => {
      const name = (request.url ?? '').slice(1)
      if (!isEvil || !name.endsWith('.narinfo')) return response.writeHead(404).end()
      return response.writeHead(302, { location: `http://${name.slice(0, 32)}.dead.example/${name}` }).end()
    })
    await new Promise<void>(resolve => evil.listen(0, '127.0.0.1', resolve))
    const upstreams = [
      `http://honest.example:${new URL(honest.url).port}`,
      `http://127.0.0.1:${(evil.address() as AddressInfo).port}`,
    ]
    try {
      const options = `upstreams = ${JSON.stringify(upstreams.slice(1))}\ntimeout = 3\nmax-age = 0\nnegative-max-age = 0\n`
      await withGatedWorld(version, options, async gated => {
        gated.world.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
        gated.world.write('/etc/nsswitch.conf', 'hosts: files dns\n')
        await gated.gate.end('SIGTERM')
        gated.gate = await startGate(gated.world)
        const get = async (path: (typeof PATHS)[number]) => {
          const started = performance.now()
          const response = await fetch(`${gated.gate.url}/${path.digest}.narinfo`)
          await response.arrayBuffer()
          return { status: response.status, milliseconds: performance.now() - started }
        }
        isEvil = true
        const burst = Promise.all(PATHS.slice(0, BURST).map(get))
        await sleep(1000)
        // The gate has to find this name while it waits for the others.
        const policy = gated.world.read(POLICY)
        gated.world.write(
          POLICY,
          policy.replace(/^upstreams = .*$/m, `upstreams = ${JSON.stringify(upstreams)}`),
        )
        const during = [await get(PATHS.at(-1) as (typeof PATHS)[number])]
        await burst
        isEvil = false
        const after = await Promise.all(PATHS.slice(BURST, -1).map(get))
        assert.deepEqual(
          [...during, ...after].filter(({ status }) => status !== 200),
          [],
          gated.gate.log(),
        )
        for (const { milliseconds } of [...during, ...after])
          assert.ok(milliseconds < SOON, `${milliseconds}`)
        const dead = new Set(dns.asked.filter(name => name.endsWith('.dead.example')))
        assert.ok(dead.size >= 1 && dead.size <= 4, `${dead.size} dead names were asked for`)
        assert.match(gated.gate.log(), /redirects to|no address from the resolver|no answer within/)
      })
    } finally {
      dns.close()
      evil.closeAllConnections()
      evil.close()
      await honest.close()
    }
  })
}
