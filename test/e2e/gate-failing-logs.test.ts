/**
 * A private cache that has NARs and fails at logs. One user asks for logs, again and again; another
 * one needs what is in the cache.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cachedPath } from '../support/cache-of-many.ts'
import { ALPHA, withGatedWorld } from '../support/gated-world.ts'
import { NEWEST } from '../support/world.ts'

const PATHS = Array.from({ length: 4 }, (_, n) => cachedPath(`behind-${n}`, `${n}\n`, [ALPHA]))

for (const version of NEWEST) {
  for (const how of ['fail', 'hang'] as const) {
    test(`${version}: attack: logs that ${how} at a private cache leave its NARs to others`, async () => {
      let logs = 0
      const server = createServer((request, response) => {
        const name = (request.url ?? '').slice(1)
        if (name.startsWith('log/')) {
          logs++
          return how === 'fail' ? response.writeHead(500).end() : undefined
        }
        if (name === 'nix-cache-info') return response.end('StoreDir: /nix/store\n')
        const made = PATHS.find(({ url, digest }) => name === url || name === `${digest}.narinfo`)
        if (made === undefined) return response.writeHead(404).end()
        return response.end(name === made.url ? made.nar : made.narinfo)
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const upstreams = `upstreams = [{ url = "${url}", authorization = "secrets/private" }]\ntimeout = 2\n`
      try {
        await withGatedWorld(version, upstreams, async ({ world, gate, realise, isValid }) => {
          world.write('/etc/nixsig/secrets/private', 'Bearer x\n')
          await world.output(
            'chown -R root:root /etc/nixsig/secrets; chmod 700 /etc/nixsig/secrets; chmod 600 /etc/nixsig/secrets/private',
          )
          const ended = new AbortController()
          const asking = (async () => {
            for (let n = 0; !ended.signal.aborted; n++) {
              const log = `${gate.url}/log/${PATHS[n % PATHS.length]?.digest}-x.drv`
              await world.run(['curl', '-s', '-m', '10', '-o', '/dev/null', log], { user: 'alice' })
              await sleep(100)
            }
          })()
          try {
            while (logs < (how === 'fail' ? 3 : 1)) await sleep(100)
            if (how === 'hang') await sleep(2500)
            for (const { path } of PATHS) {
              const { stderr } = await realise(path)
              assert.equal(await isValid(path), true, stderr)
              await sleep(500)
            }
          } finally {
            ended.abort()
            await asking
          }
        })
      } finally {
        server.closeAllConnections()
        server.close()
      }
    })
  }
}
