// How a gate reaches caches: proxies, private authorities, client certificates, netrc files, and
// redirections, with real servers and a real Nix behind the gate.
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openUpstream } from '../../src/evidence/upstreams/open-upstream.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/gate-process.ts'
import { ALPHA, type GatedWorld, stock, withGatedWorld } from '../support/gated-world.ts'
import {
  type Certificates,
  makeCertificates,
  type ProxyServer,
  serveNginx,
  serveProxy,
} from '../support/tls-servers.ts'
import { POLICY } from '../support/trust.ts'
import { NEWEST } from '../support/world.ts'

/** An address that is reached and not on an interface, as another machine's. */
const ELSEWHERE = '198.51.100.1'
const HELLO = cachedPath('hello', 'hello\n', [ALPHA])
const OTHER = cachedPath('other', 'other\n', [ALPHA])
const BASIC = `Basic ${Buffer.from('nix:hush').toString('base64')}`

interface Servers {
  readonly tls: string
  readonly certificates: Certificates
  readonly proxy: ProxyServer
}

/** A cache with TLS elsewhere, which may want a client's certificate, and a proxy. */
async function servers(gated: GatedWorld, after: (end: () => void) => void, more = ''): Promise<Servers> {
  const { world } = gated
  const directory = world.path('/srv')
  writeCache(join(directory, 'cache'), [HELLO, OTHER])
  const certificates = makeCertificates(join(directory, 'certificates'), ELSEWHERE)
  const port = await freePort(ELSEWHERE)
  const { certificate, key } = certificates.server
  const lines = `ssl_certificate ${certificate}; ssl_certificate_key ${key}; root ${directory}/cache; ${more.replace('CA', certificates.authority)}`
  await serveNginx({ after }, join(directory, 'nginx'), { host: ELSEWHERE, port, lines })
  const proxyPort = await freePort()
  const proxy = await serveProxy({ after }, join(directory, 'proxy'), {
    port: proxyPort,
    user: 'nix',
    password: 'hush',
  })
  mkdirSync(world.path('/etc/nixsig'), { recursive: true })
  for (const [from, to] of [
    [certificates.authority, 'ca.pem'],
    [certificates.client.certificate, 'client.pem'],
    [certificates.client.key, 'client.key'],
  ] as const) {
    copyFileSync(from, world.path('/etc/nixsig').concat('/', to))
    await world.output(`chmod ${to.endsWith('key') ? 600 : 644} /etc/nixsig/${to}`)
  }
  world.write('/etc/nixsig/proxy', `${BASIC}\n`, 0o600)
  return { tls: `https://${ELSEWHERE}:${port}`, certificates, proxy }
}

function setUpstreams(gated: GatedWorld, upstreams: string, http = ''): void {
  const { world } = gated
  const text = world.read(POLICY).replace(/^upstreams = .*$/m, `upstreams = [${upstreams}]`)
  const [before = ''] = text.split('[http]\n')
  world.write(POLICY, http === '' ? before : `${before}[http]\n${http}\n`)
}

/** Waits until the gate has logged this. */
async function told({ gate }: GatedWorld, words: RegExp): Promise<void> {
  await eventually(
    () => `${words} in ${gate.log()}`,
    () => words.test(gate.log()),
  )
}

for (const version of NEWEST) {
  const gated = (name: string, use: (gated: GatedWorld, after: (end: () => void) => void) => Promise<void>) =>
    test(`${version}: ${name}`, async () => {
      const ends: (() => void)[] = []
      try {
        await withGatedWorld(version, '', gated => use(gated, end => ends.push(end)))
      } finally {
        for (const end of ends) end()
      }
    })

  gated(
    'everything comes through the proxy, and the NAR through the gate; this machine does not',
    async (gated, after) => {
      const { tls, proxy } = await servers(gated, after)
      const [own, plain] = gated.caches
      stock(own, HELLO)
      setUpstreams(
        gated,
        `"${tls}"`,
        `proxy = "${proxy.url}"\nproxy-authorization = "proxy"\ncertificates = "ca.pem"`,
      )
      const fetched = await gated.realise(HELLO.path)
      assert.equal(fetched.status, 0, fetched.stderr + gated.gate.log())
      const { host } = new URL(tls)
      assert.ok(proxy.asked().length > 0)
      assert.deepEqual([...new Set(proxy.asked())], [`CONNECT ${host} HTTP/1.1`])
      const before = proxy.asked().length

      setUpstreams(
        gated,
        `"${tls}"`,
        `proxy = "${proxy.url}"\nno-proxy = ["${ELSEWHERE}"]\ncertificates = "ca.pem"`,
      )
      const direct = await gated.realise(OTHER.path)
      assert.equal(direct.status, 0, direct.stderr + gated.gate.log())
      setUpstreams(gated, `"${plain.url}"`, `proxy = "${proxy.url}"`)
      stock(plain, cachedPath('here', 'here\n', [ALPHA]))
      const here = await gated.realise(cachedPath('here', 'here\n', [ALPHA]).path)
      assert.equal(here.status, 0, here.stderr)
      assert.equal(proxy.asked().length, before)

      setUpstreams(gated, `"${tls}"`, `proxy = "${proxy.url}"\ncertificates = "ca.pem"`)
      const third = cachedPath('third', 'third\n', [ALPHA])
      await gated.realise(third.path)
      await told(gated, /the proxy answered 407: it wants an authorization/)
      assert.doesNotMatch(gated.gate.log(), /hush|bml4Omh1c2g/)
    },
  )

  gated(
    'a proxy is asked for http by whole addresses, and its password goes to no server',
    async (gated, after) => {
      const { proxy } = await servers(gated, after)
      const asked: (string | undefined)[][] = []
      const { createServer } = await import('node:http')
      const server = createServer(({ url, headers }, response) => {
        asked.push([url, headers['proxy-authorization'], headers.host])
        response.end(HELLO.narinfo)
      })
      const port = await freePort(ELSEWHERE)
      await new Promise<void>(resolve => server.listen(port, ELSEWHERE, resolve))
      after(() => server.close())
      const http = {
        proxy: proxy.url,
        proxyAuthorization: gated.world.path('/etc/nixsig/proxy'),
        noProxy: [],
      }
      const url = `http://${ELSEWHERE}:${port}`
      const said = await openUpstream({ url }, { timeout: 3000, http }).narinfo(HELLO.digest)
      assert.equal(said.kind, 'offer', JSON.stringify(said))
      assert.deepEqual(asked, [[`/${HELLO.digest}.narinfo`, undefined, `${ELSEWHERE}:${port}`]])
      assert.deepEqual(proxy.asked(), [`GET ${url}/${HELLO.digest}.narinfo HTTP/1.1`])
    },
  )

  gated(
    'a cache that wants a certificate gets this machine’s, by a key that nobody else can read',
    async (gated, after) => {
      const { tls } = await servers(gated, after, 'ssl_client_certificate CA; ssl_verify_client on;')
      const client = 'client-certificate = "client.pem", client-key = "client.key"'
      setUpstreams(gated, `{ url = "${tls}", ${client} }`, 'certificates = "ca.pem"')
      const fetched = await gated.realise(HELLO.path)
      assert.equal(fetched.status, 0, fetched.stderr + gated.gate.log())
      const { world } = gated
      await world.output('chmod 640 /etc/nixsig/client.key; /opt/nixsig/nixsig reload')
      await gated.realise(OTHER.path)
      await told(gated, /the key \/etc\/nixsig\/client\.key can be read or written by others/)
      world.write(
        '/etc/nixsig/client.key',
        '-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n',
        0o600,
      )
      // Why a cache does not answer is told once, and once more after this.
      await world.output('/opt/nixsig/nixsig reload')
      await gated.realise(OTHER.path)
      await told(gated, /client\.pem and \S*client\.key are not a certificate and its key/)
      assert.doesNotMatch(gated.gate.log(), /hush/)
      setUpstreams(gated, `"${tls}"`, 'certificates = "ca.pem"')
      await world.output('/opt/nixsig/nixsig reload')
      await gated.realise(OTHER.path)
      await told(gated, /answered 400/)
      setUpstreams(gated, `{ url = "${tls}", ${client.replaceAll('client.', 'x.')} }`)
      await world.output('/opt/nixsig/nixsig reload')
      await gated.realise(OTHER.path)
      await told(gated, /cannot read \S*\/x\.pem/)
    },
  )

  gated('attack: a cache’s object store has a name that leads to this machine', async gated => {
    const { world, caches } = gated
    const [hidden] = caches
    stock(hidden, HELLO)
    world.write('/etc/hosts', '127.0.0.1 store.example.org\n169.254.169.254 metadata.example.org\n')
    const { createServer } = await import('node:http')
    const { port } = new URL(hidden.url)
    for (const name of ['store.example.org', 'metadata.example.org']) {
      const front = createServer(({ url }, response) =>
        response.writeHead(302, { location: `http://${name}:${port}${url}?X-Amz-Signature=hush` }).end(),
      )
      const at = await freePort(ELSEWHERE)
      await new Promise<void>(resolve => front.listen(at, ELSEWHERE, resolve))
      try {
        setUpstreams(gated, `"http://${ELSEWHERE}:${at}"`)
        assert.notEqual((await gated.realise(HELLO.path)).status, 0)
        await told(
          gated,
          new RegExp(`redirects to \\\\"(?:http://)?${name}\\S*, which is an address of this machine`),
        )
        assert.doesNotMatch(gated.gate.log(), /hush/)
      } finally {
        front.close()
        front.closeAllConnections()
      }
    }
    assert.deepEqual(hidden.asked, [])
  })

  gated(
    'names and passwords of a netrc file open a cache, and its NARs, to a Nix that knows none',
    async gated => {
      const { world, caches } = gated
      const [cache] = caches
      cache.password = BASIC
      stock(cache, HELLO)
      world.write('/etc/nixsig/netrc', 'machine 127.0.0.1 login nix password hush\n', 0o600)
      const text = world
        .read(POLICY)
        .replace(/^upstreams = .*$/m, `upstreams = ["${cache.url}"]\nnetrc-file = "netrc"`)
      world.write(POLICY, text)
      const fetched = await gated.realise(HELLO.path)
      assert.equal(fetched.status, 0, fetched.stderr + gated.gate.log())
      assert.ok(cache.asked.includes(HELLO.url))
    },
  )
}
