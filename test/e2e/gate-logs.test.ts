// `nix log` through the gate: logs as caches keep them, encoded or not, behind a redirection or a
// password.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import * as nix from '../support/expressions.ts'
import { withGatedWorld } from '../support/gated-world.ts'
import { instantiate } from '../support/scene.ts'
import { POLICY } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

const WORDS = 'some words of a build\n'
const ENCODED: Readonly<Record<string, Uint8Array>> = {
  identity: Buffer.from(WORDS),
  gzip: gzipSync(WORDS),
  br: brotliCompressSync(WORDS),
  zstd: execFileSync('zstd', ['-q', '-c'], { input: WORDS }),
}

for (const version of VERSIONS) {
  test(`${version}: nix log shows a log in every encoding that caches have, whoever passes it on`, () =>
    withGatedWorld(version, '', async ({ world, gate }) => {
      const { drv } = await instantiate(world, nix.derivation('told'))
      const name = drv.replace('/nix/store/', '')
      let encoding = 'identity'
      let password: string | undefined
      const store = createServer((_, response) => {
        const header = encoding === 'identity' ? {} : { 'content-encoding': encoding }
        response.writeHead(200, header).end(ENCODED[encoding])
      })
      await new Promise<void>(resolve => store.listen(0, '127.0.0.2', resolve))
      const front = createServer(({ url, headers }, response) => {
        if (password !== undefined && headers.authorization !== password) return response.writeHead(401).end()
        if (url !== `/log/${name}`) return response.writeHead(404).end()
        const location = `http://127.0.0.2:${(store.address() as AddressInfo).port}${url}?signed`
        return response.writeHead(302, { location }).end()
      })
      await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
      world.write('/etc/nixsig/token', 'Bearer T\n', 0o600)
      try {
        for (const upstream of [`"${url}"`, `{ url = "${url}", authorization = "token" }`]) {
          password = upstream.includes('token') ? 'Bearer T' : undefined
          const policy = world.read(POLICY).replace(/^upstreams = .*$/m, `upstreams = [${upstream}]`)
          world.write(POLICY, policy)
          for (encoding of Object.keys(ENCODED)) {
            // Nix 2.8 wants the derivation itself in the store that it asks.
            for (const more of version === 'bookworm' ? [[]] : [[], ['--store', gate.url]]) {
              const { stdout, stderr } = await world.run(['nix', 'log', ...more, drv])
              assert.equal(stdout.trim(), WORDS.trim(), `${encoding} ${upstream} ${more} ${stderr}`)
            }
          }
        }
      } finally {
        for (const server of [store, front]) {
          server.close()
          server.closeAllConnections()
        }
      }
    }))
}
