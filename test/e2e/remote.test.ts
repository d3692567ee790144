// Attestations made on one machine let another machine build, by way of a plain file server.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { appendAttestation } from '../../src/evidence/attestation-files.ts'
import { publish as publishFiles } from '../../src/evidence/publication/publish.ts'
import { commandsOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { publicationOf, type Server, serve } from '../support/publication.ts'
import {
  assertBuilt,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  nixBuild,
} from '../support/scene.ts'
import {
  built,
  byDefault,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  type Signer,
  sha256,
  signer,
} from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const TARBALL = 'the developer wrote this\n'
const EMPTY = publicationOf({}, 1_700_000_000)

const dir = mkdtempSync(join(tmpdir(), 'nixsig-e2e-remote-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** A package with a fetched source, on whichever machine. */
function toolOf(world: World) {
  world.write('/srv/tool.tar', TARBALL)
  const source = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(TARBALL))
  return instantiate(world, nix.derivation('tool', { inputs: [source], build: 'cat $inputs > $out' }))
}

/** Has a world trust this policy text, with a source and nothing else to look into. */
async function trust(world: World, people: Parameters<typeof policyText>[0], rest: string, source: string) {
  const text = policyText(people, rest).replace(/^directories = .*$/m, `sources = [${source}]`)
  world.write(POLICY, text)
}

/** All that was published below a directory, as a server has it. */
function filesBelow(directory: string): ReadonlyMap<string, Buffer> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry =>
    entry.isFile(),
  )
  return new Map(
    files.map(entry => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(directory.length + 1), readFileSync(path)]
    }),
  )
}

/** A publisher on the test's own machine, who adds lines and publishes. */
function publisher(name: string) {
  const [from, to] = [join(dir, name), join(dir, 'public', name)]
  mkdirSync(from, { recursive: true })
  return {
    from,
    add: (path: string, line: string) => appendAttestation(from, path, line),
    async publish(server: Server): Promise<void> {
      await publishFiles({ from, to, prune: false, now: Math.floor(Date.now() / 1000) })
      server.files = filesBelow(to)
    },
  }
}

for (const version of OLDEST) {
  test(`${version}: what a packager hands off on one machine is built on another, once it is published`, async () => {
    const server = await serve(EMPTY)
    try {
      const bob = await withWorld(version, {}, async packager => {
        const run = (line: string) => packager.output(`/opt/nixsig/nixsig ${line}`)
        await run('keygen bob --out /root')
        const { drv } = await toolOf(packager)
        await run(`attest derivation ${drv} --graph --key /root/bob.secret`)
        const [publish, ...others] = commandsOf('docs/attestations.md', 'Published')
        assert.deepEqual(others, [])
        const said = await packager.output(publish?.script ?? '', {
          env: { PATH: '/opt/nixsig:/usr/bin:/bin' },
        })
        for (const line of publish?.answer ?? [/never/]) assert.match(said, line)
        if (publish !== undefined) markRun(publish, version)
        server.files = filesBelow(packager.path('/root/public/alice'))
        return `"${packager.read('/root/bob.pub').trim()}"`
      })

      await withWorld(version, {}, async world => {
        const rest = `${byDefault('bob', 'bob', 'self')}accept-graph = true\n`
        await trust(world, { bob: [bob] }, rest, `{ url = "${server.url}", max-age = 3600 }`)
        const { drv, out } = await toolOf(world)

        const published = server.files
        server.files = new Map()
        await assertRefusedBeforeBuild(world, out, /index is not there: .*\(it has never answered\)/)
        server.trick = (_, response) => response.writeHead(503).end() !== undefined
        await assertRefusedBeforeBuild(
          world,
          out,
          /127\.0\.0\.1:\d+\/alice: index: answered 503 .*nixsig sync, by root, tries/,
        )
        server.trick = undefined
        server.files = EMPTY
        await assertRefusedBeforeBuild(
          world,
          out,
          /needs bob for its (source|derivation), found no signature/,
        )
        server.files = published

        // Asked a moment ago: within max-age only a sync looks again.
        await assertRefusedBeforeBuild(world, out, /found no signature/)
        const synced = await world.output('/opt/nixsig/nixsig sync')
        assert.match(synced, /^http:\/\/127.*alice: ok, 1 new, 0 changed, 0 removed, 0 unchanged \(as of 20/)
        await assertBuilt(world)
        assert.match(await world.output(`/opt/nixsig/nixsig verify ${drv}`), /^trusted .*vouched for by bob/)

        // All its inputs are in the store by now, so it is built again without a server.
        await server.close()
        await world.output(`nix-store --delete ${out}`)
        await assertBuilt(world)
        const failed = await world.run('/opt/nixsig/nixsig sync')
        assert.equal(failed.status, 20)
        assert.match(failed.stdout, /1 failed, .*\n {2}index: connect ECONNREFUSED .*\(it last answered 20/)
      })
    } finally {
      await server.close()
    }
  })

  test(`${version}: a source that must be asked every time decides nothing while it is down, and decides once it is up`, async () => {
    const alice = signer('alice')
    const server = await serve(EMPTY)
    try {
      await withWorld(version, {}, async world => {
        const people = { alice: [alice], other: [signer('other')] }
        await trust(
          world,
          people,
          byDefault('nothing', 'alice', 'self'),
          `{ url = "${server.url}", max-age = 0 }`,
        )
        const { drv, out } = await instantiate(world, nix.derivation('plain'))
        const office = publisher(`${version}-down`)
        office.add(drv, packaged(alice, await contentsOf(world, drv)))
        await office.publish(server)
        server.trick = request => request.socket.destroy() !== undefined
        await assertRefusedBeforeBuild(world, out, /refused .*alice: index: socket hang up/)
        const undecided = await world.run(`/opt/nixsig/nixsig explain ${drv}`)
        assert.equal(undecided.status, 20)
        server.trick = undefined
        await assertBuilt(world)
        assert.match(
          await world.output(`/opt/nixsig/nixsig explain ${drv}`),
          /alice.*mirror\/127\.0\.0\.1-\d+-/s,
        )

        // Not even what the ledger has is built anew while a conflict could be hidden.
        await world.output(`nix-store --delete ${out}`)
        server.trick = request => request.socket.destroy() !== undefined
        await assertRefusedBeforeBuild(world, out, /socket hang up/)
      })
    } finally {
      await server.close()
    }
  })

  test(`${version}: what builders publish elsewhere conflicts: with each other at once, with this machine once it has built`, async () => {
    const [alice, other] = [signer('alice'), signer('other')]
    const server = await serve(EMPTY)
    try {
      await withWorld(version, {}, async world => {
        const people = { alice: [alice], other: [other] }
        await trust(
          world,
          people,
          byDefault('nothing', 'nothing', 'self'),
          `{ url = "${server.url}", max-age = 0 }`,
        )
        const { drv, out } = await instantiate(world, nix.derivation('plain'))
        const workshop = publisher(`${version}-workshop`)
        const attest = async (by: Signer) => {
          workshop.add(out, built(by, { path: out, narHash: sha256(by.publicKey) }, drv))
          await workshop.publish(server)
        }
        await attest(other)
        await assertRefusedAfterBuild(world, [out], /builders disagree: other attested other contents/)
        await attest(alice)
        const { status, stderr } = await nixBuild(world)
        assert.notEqual(status, 0)
        assert.match(stderr, /hook command 'nixsig: refused .*builders disagree/)
      })
    } finally {
      await server.close()
    }
  })

  test(`${version}: many builds at once ask one source, and developers' signatures come from there as well`, async () => {
    const key = minisignKey(version)
    const server = await serve(EMPTY)
    try {
      await withWorld(version, {}, async world => {
        const names = Array.from({ length: 8 }, (_, index) => `tool${index}.tar`)
        const sources = names.map(name => {
          world.write(`/srv/${name}`, name)
          return nix.fetchurl(name, `file:///srv/${name}`, sha256(name))
        })
        const rest = byDefault('X', 'nothing', 'self').replace('"X"', '{ developer = "dev" }')
        await trust(world, { dev: [key.line] }, rest, `{ url = "${server.url}", max-age = 0 }`)
        await instantiate(world, nix.withInputs('all', sources))
        const paths = await world.output(
          'nix-store -q --outputs $(nix-store -qR $(nix-instantiate /srv/x.nix 2>/dev/null) | grep "tar.drv$")',
        )
        assert.notEqual((await nixBuild(world)).status, 0)
        const files = paths.split('\n').map(path => {
          const name = path.slice('/nix/store/'.length + 33)
          return [`${path.slice(11, 43)}.minisig`, key.sign(name)] as const
        })
        assert.equal(files.length, 8)
        server.files = publicationOf(Object.fromEntries(files), 1_700_000_001)
        await assertBuilt(world)
        const [[first = ''] = []] = files
        const bad = Object.fromEntries([...files, [first, key.sign('something else')]])
        server.files = publicationOf(bad, 1_700_000_002)
        const path = paths.split('\n')[0]
        const { status, stdout } = await world.run(`/opt/nixsig/nixsig verify ${path}`)
        assert.equal(status, 0, 'the ledger remembers what was signed')
        const anew = await world.run(`/opt/nixsig/nixsig verify ${path} --state /root/state`)
        assert.equal(anew.status, 13, stdout + anew.stdout)
      })
    } finally {
      await server.close()
    }
  })
}

for (const version of OLDEST) {
  test(`${version}: a source behind TLS is asked if this machine trusts its certificate, whatever the environment says`, () =>
    withWorld(version, {}, async world => {
      const [own, foreign] = [certificate('IP:127.0.0.1'), certificate('DNS:elsewhere.example')]
      const [server, impostor, plain] = await Promise.all([
        serve(EMPTY, own),
        serve(EMPTY, foreign),
        serve(EMPTY),
      ])
      try {
        const sync = async ({ url }: Server, env: Record<string, string> = {}) => {
          await trust(world, {}, byDefault('nothing', 'nothing', 'self'), `"${url}"`)
          return (await world.run('/opt/nixsig/nixsig sync', { env })).stdout
        }
        assert.match(await sync(server), /1 failed.*\n {2}index: self[- ]signed certificate/)
        world.write('/root/ca.pem', own.cert)
        const env = {
          NODE_TLS_REJECT_UNAUTHORIZED: '0',
          NODE_EXTRA_CA_CERTS: '/root/ca.pem',
          http_proxy: 'http://[::1]:1',
        }
        assert.match(await sync(server, env), /1 failed.*\n {2}index: self[- ]signed certificate/)
        world.write('/etc/ssl/certs/ca-certificates.crt', own.cert + foreign.cert)
        assert.match(await sync(server), /alice: ok, 0 new/)
        assert.match(
          await sync(impostor),
          /1 failed.*\n {2}index: .*IP: 127\.0\.0\.1 is not in the cert's list/,
        )

        plain.trick = (_, response, path) =>
          response.writeHead(301, { location: `${server.url}/${path}` }).end() !== undefined
        assert.match(await sync(plain, env), /alice: ok, 0 new/)
        server.trick = (_, response) =>
          response.writeHead(301, { location: `${plain.url}/index` }).end() !== undefined
        assert.match(
          await sync(server),
          /redirects to "http:\/\/127\.0\.0\.1:\d+\/alice\/index", which is not the same host/,
        )
      } finally {
        await Promise.all([server.close(), impostor.close(), plain.close()])
      }
    }))
}

/** A certificate for a name, signed by itself, and its key. */
function certificate(name: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(dir, 'tls.key'), join(dir, 'tls.crt')]
  const make = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '3650',
  ]
  const files = ['-keyout', key, '-out', cert, '-subj', '/CN=test', '-addext', `subjectAltName=${name}`]
  execFileSync('openssl', [...make, ...files], { stdio: 'ignore' })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

/** A minisign key: as a policy takes it, and what signs with it. */
function minisignKey(name: string) {
  const [publicKey, secretKey, message] = ['pub', 'key', 'message'].map(end =>
    join(dir, `${name}.${end}`),
  ) as [string, string, string]
  execFileSync('minisign', ['-G', '-W', '-f', '-p', publicKey, '-s', secretKey], { stdio: 'ignore' })
  const [, key = ''] = readFileSync(publicKey, 'utf8').split('\n')
  return {
    line: `"minisign:${key}"`,
    sign: (contents: string) => {
      writeFileSync(message, contents)
      execFileSync('minisign', ['-S', '-W', '-s', secretKey, '-m', message], { stdio: 'ignore' })
      return readFileSync(`${message}.minisig`)
    },
  }
}

everyBlockWasRun('e2e/remote')
