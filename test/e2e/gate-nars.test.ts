// A cache whose NAR is gone, broken or hostile does not keep Nix from getting it: the gate goes on to
// the next cache that offers the same NAR. docs/semantics.md, G15.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Narinfo } from '../../src/formats/nix/narinfo.ts'
import { parseNarinfo, printNarinfo } from '../../src/formats/nix/narinfo.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { asText, lookFor, messagesOf } from '../docs/shown.ts'
import { type CachedPath, cachedPath } from '../support/cache-of-many.ts'
import { type Mood, type Stock, serveFaultyCaches } from '../support/faulty-caches.ts'
import { startGate } from '../support/gate-process.ts'
import { ALPHA, BETA, type GatedWorld, untilLooked, withGatedWorld } from '../support/gated-world.ts'
import { POLICY, type Signer, sha256 } from '../support/trust.ts'
import { NEWEST, VERSIONS, type Version } from '../support/world.ts'

const WELL: Mood = { kind: 'well', at: 0 }
const SIGNERS: readonly Signer[] = [ALPHA, BETA, ALPHA]
const PACKERS = {
  none: (nar: Uint8Array) => Buffer.from(nar),
  gzip: (nar: Uint8Array) => gzipSync(nar),
  br: (nar: Uint8Array) => brotliCompressSync(nar),
  xz: (nar: Uint8Array) => execFileSync('xz', ['--stdout'], { input: nar, maxBuffer: 2 ** 26 }),
}

/** How one of the caches has a path: compressed, and with what else in its narinfo and file. */
interface Having {
  readonly compression?: keyof typeof PACKERS
  readonly mood?: Mood
  readonly fields?: Partial<Narinfo>
  /** The file, if it is not the NAR's. */
  readonly file?: Buffer
}

interface Caches extends GatedWorld {
  /** Gives all caches a path, each in its own way. */
  stock(contents: Uint8Array, ...having: readonly Having[]): CachedPath
  /** What Nix says when it realises a path with a single try. */
  get(path: string): Promise<{ readonly status: number; readonly stderr: string }>
  /** The gate's words about NARs that it did not get, since the last time. */
  faults(): Promise<readonly string[]>
}

let paths = 0

function having(
  contents: Uint8Array,
  name: string,
  by: Signer,
  how: Having,
): { path: CachedPath; stock: Stock } {
  const { compression = 'none', mood = WELL, fields = {} } = how
  const path = cachedPath(name, contents, [by])
  const file = how.file ?? PACKERS[compression](path.nar)
  const own = { compression, url: `nar/${path.digest}`, fileHash: sha256(file), fileSize: file.length }
  const narinfo = printNarinfo({ ...parseNarinfo(path.narinfo), ...own, ...fields })
  return { path, stock: { file, mood, narinfos: new Map([[`${path.digest}.narinfo`, narinfo]]) } }
}

async function withCaches(version: Version, use: (caches: Caches) => Promise<void>): Promise<void> {
  const servers = await serveFaultyCaches()
  const upstreams = SIGNERS.map((_, index) => `"${servers.address(index)}"`).join(', ')
  const options = `upstreams = [${upstreams}]\nmax-age = 0\nnegative-max-age = 0\n`
  try {
    await withGatedWorld(version, options, async gated => {
      let told = 0
      await use({
        ...gated,
        stock(contents, ...all) {
          const name = `thing-${paths++}`
          const made = all.map((how, index) => having(contents, name, SIGNERS[index] ?? ALPHA, how))
          servers.stock = made.map(({ stock }) => stock)
          return made[0]?.path ?? assert.fail()
        },
        get: path => gated.world.run(['nix-store', '--option', 'download-attempts', '1', '--realise', path]),
        async faults() {
          // The gate collects its lines for a moment.
          await sleep(200)
          const lines = gated.gate
            .log()
            .split('\n')
            .filter(line => line.includes('"no NAR from an upstream"'))
          const since = lines.slice(told).map(line => JSON.parse(line) as { upstream: string; why: string })
          told = lines.length
          return since.map(({ upstream, why }) => `${upstream.at(-1)} ${why}`)
        },
      })
    })
  } finally {
    await servers.close()
  }
}

async function assertComes(caches: Caches, path: CachedPath, what: string): Promise<void> {
  const { status, stderr } = await caches.get(path.path)
  assert.equal(status, 0, `${what}: ${stderr}`)
  assert.doesNotMatch(stderr, /error|retrying/, what)
  const hash = await caches.world.output(`nix-store --dump ${path.path} | sha256sum`)
  assert.equal(hash.slice(0, 64), path.narHash, what)
}

/** The narinfo that Nix gets. */
async function narinfoOf({ gate }: Caches, { digest }: CachedPath): Promise<Narinfo> {
  return parseNarinfo(await (await fetch(`${gate.url}/${digest}.narinfo`)).text())
}

const SHOWN = messagesOf('docs/how-to/gate.md', 'When a cache has no good copy')

const BROKEN: readonly (readonly [Mood['kind'], RegExp])[] = [
  ['gone', /^0 has no such file$/],
  ['forbidden', /^0 has no such file$/],
  ['error', /^0 answered 500/],
  ['dropped', /^0 /],
  ['cut', /^0 broke off in the middle of its answer$/],
  ['corrupt', /^0 sent another (?:file|NAR), of \d+ bytes with SHA-256 [0-9a-f]{64}$/],
  ['short', /^0 /],
  ['page', /^0 /],
  ['longer', /^0 (?:sent more than|sent another)/],
  ['longer than said', /^0 /],
  ['part unasked', /^0 answered 206/],
  ['other part', /^0 answered 206/],
  ['no such part', /^0 answered 416/],
]

for (const version of VERSIONS) {
  const withThem = (name: string, use: (caches: Caches, t: TestContext) => Promise<void>) =>
    test(`${version}: ${name}`, t => withCaches(version, caches => use(caches, t)))

  withThem('whatever is wrong with the NAR of the first cache, Nix gets it in one request', async caches => {
    for (const [kind, why] of BROKEN) {
      for (const compression of ['none', 'xz'] as const) {
        // Otherwise the cache would be left alone for a while after some of these.
        await caches.world.output('/opt/nixsig/nixsig reload')
        const mood = { kind, at: 0.5 }
        const path = caches.stock(randomBytes(200_000), { mood, compression }, { compression })
        assert.match((await narinfoOf(caches, path)).url, /^nar\//)
        await assertComes(caches, path, kind)
        const [first = '', ...more] = await caches.faults()
        assert.match(first, why, kind)
        assert.deepEqual(more, [], kind)
      }
    }
    lookFor(
      SHOWN,
      asText(caches.gate.log()).replaceAll(/http:\/\/[^ \n]*/g, 'https://cache.example.org'),
      version,
    )
    const metrics = await (await fetch(`${caches.gate.url}/metrics`)).text()
    const requests = /^nixsig_requests_total\{endpoint="nar",status="200"\} (\d+)$/m.exec(metrics)?.[1]
    assert.equal(Number(requests), 2 * BROKEN.length)
    assert.doesNotMatch(metrics, /endpoint="nar",status="[45]/)
    assert.equal(await caches.world.output('ls -A /var/lib/nixsig/nars'), '')
  })

  withThem(
    'caches that compress differently, or state no FileHash, stand in for each other',
    async caches => {
      const cut: Mood = { kind: 'cut', at: 0.5 }
      const bare = { fileHash: undefined, fileSize: undefined }
      const all: readonly (readonly Having[])[] = [
        [{ compression: 'xz', mood: cut }, { compression: 'br' }],
        [{ compression: 'gzip', mood: cut }, { compression: 'xz', mood: cut }, { compression: 'none' }],
        [
          { compression: 'xz', mood: cut, fields: bare },
          { compression: 'xz', fields: bare },
        ],
        [{ mood: cut, fields: bare }, { fields: bare }],
      ]
      for (const [index, each] of all.entries()) {
        const path = caches.stock(randomBytes(300_000), ...each)
        const { compression, fileHash, fileSize } = await narinfoOf(caches, path)
        assert.deepEqual([compression, fileHash, fileSize], ['none', path.narHash, path.nar.length])
        await assertComes(caches, path, `${index}`)
      }
      const path = caches.stock(randomBytes(300_000), { compression: 'xz', mood: cut }, { compression: 'xz' })
      const { compression, fileHash } = await narinfoOf(caches, path)
      assert.equal(compression, 'xz')
      assert.ok(fileHash)
      await assertComes(caches, path, 'the same file')
    },
  )

  withThem(
    'attack: a cache states what is true of the NAR, and what fits other bytes of its file',
    async caches => {
      const other = PACKERS.xz(cachedPath('other', 'evil\n', [ALPHA]).nar)
      const path = caches.stock(randomBytes(1000), { compression: 'xz', file: other }, { compression: 'xz' })
      await assertComes(caches, path, 'other bytes')
      assert.match(
        (await caches.faults()).join(),
        /^0 sent another NAR, of 120 bytes with SHA-256 [0-9a-f]{64}$/,
      )
    },
  )

  withThem('attack: what a cache sends decompresses to gigabytes', async caches => {
    const file = gzipSync(Buffer.alloc(2 ** 30), { level: 9 })
    const path = caches.stock(randomBytes(900_000), { compression: 'gzip', file }, { compression: 'xz' })
    await assertComes(caches, path, 'a bomb')
    assert.match((await caches.faults()).join(), /^0 (?:sent more than|it is longer than) \d+ bytes$/)
  })

  withThem('when no cache has the NAR, Nix says so; when all fail, it says how', async caches => {
    const gone: Mood = { kind: 'gone', at: 0 }
    const broken: Mood = { kind: 'error', at: 0 }
    const lost = caches.stock(randomBytes(1000), { mood: gone }, { mood: gone })
    const absent = await caches.get(lost.path)
    assert.notEqual(absent.status, 0)
    assert.match(absent.stderr, /does not exist|404|no longer|not available|no substituter/)
    const failing = caches.stock(randomBytes(1000), { mood: broken }, { mood: gone })
    const failed = await caches.get(failing.path)
    assert.notEqual(failed.status, 0)
    assert.match(failed.stderr, /502/)
    assert.match(failed.stderr, /nixsig: no NAR: .*\/0 answered 500; .*\/1 has no such file/)
    await caches.faults()
    await caches.get(failing.path)
    assert.deepEqual(await caches.faults(), [], 'each fault is logged once')
  })
}

for (const version of NEWEST) {
  test(`${version}: an address that a gate gave leads to the NAR after a restart, and only to caches that the policy names`, () =>
    withCaches(version, async caches => {
      const { world, gate } = caches
      const path = caches.stock(randomBytes(100_000), { mood: { kind: 'gone', at: 0 } }, {})
      const { url } = await narinfoOf(caches, path)
      const get = async (range = '0-') => {
        const response = await fetch(`${caches.gate.url}/${url}`, { headers: { range: `bytes=${range}` } })
        return { status: response.status, body: Buffer.from(await response.arrayBuffer()) }
      }
      await gate.end('SIGTERM')
      caches.gate = await startGate(world)
      try {
        assert.deepEqual(await get('1000-'), { status: 206, body: Buffer.from(path.nar).subarray(1000) })
        const head = await fetch(`${caches.gate.url}/${url}`, { method: 'HEAD' })
        assert.equal(head.status, 200)
        assert.equal(head.headers.get('content-length'), String(path.nar.length))
        world.write(POLICY, world.read(POLICY).replace(/, "[^"]*\/1"/, ''))
        await untilLooked()
        assert.equal((await get()).status, 404, 'only the cache that has no such file is left')
      } finally {
        await caches.gate.end('SIGTERM')
      }
    }))

  test(`${version}: attack: a cache that sends a byte a second keeps Nix waiting for ten seconds, and not for ever`, () =>
    withCaches(version, async caches => {
      const mood: Mood = { kind: 'a byte a second', at: 0 }
      const path = caches.stock(randomBytes(100_000), { mood }, {})
      const start = Date.now()
      await assertComes(caches, path, 'drops')
      assert.ok(Date.now() - start < 20_000)
      assert.match((await caches.faults()).join(), /^0 sent \d+ bytes in 10 seconds$/)
    }))
}

everyBlockWasRun('e2e/gate-nars')
