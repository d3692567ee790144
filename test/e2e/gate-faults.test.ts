// A gate that is killed, out of disk space, without nix-daemon, or stopped, while Nix uses it.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFor } from '../../fuzz/random.ts'
import { readAdmission } from '../../src/ledger/admissions.ts'
import { type CachedPath, cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { freePort, GATE_STATE, type GateProcess, startGate, useGate } from '../support/gate-process.ts'
import { assertClean, instantiate, isInLedger, isValid } from '../support/scene.ts'
import { serveDirectory } from '../support/static-server.ts'
import { byDefault, policyText, type Signer, setPolicy, sha256, signer } from '../support/trust.ts'
import { type Outcome, VERSIONS, type World, withWorld } from '../support/world.ts'

/** With each Nix. */
const PATHS = 1000 / VERSIONS.length
const SEED = Number(process.env['NIXSIG_TEST_SEED'] ?? Date.now() % 2 ** 32)

const dir = mkdtempSync(join(tmpdir(), 'nixsig-e2e-faults-'))
after(() => rmSync(dir, { recursive: true, force: true }))

interface Settings {
  readonly upstreams: readonly string[]
  readonly onRefusal?: 'fail' | 'not-found'
  /** Whether outputs may come whose derivation is unknown. */
  readonly acceptsUnknown?: boolean
}

/** Starts a gate that lets through what `cache` signed and makes it Nix's only substituter. */
async function gateFor(world: World, cache: Signer, settings: Settings): Promise<GateProcess> {
  const { upstreams, onRefusal = 'fail', acceptsUnknown = true } = settings
  const rest = `${byDefault('nothing', 'nothing', 'cache')}accept-unknown-derivation = ${acceptsUnknown}
[gate]
listen = "127.0.0.1:${await freePort()}"
upstreams = [${upstreams.map(url => `"${url}"`).join(', ')}]
on-refusal = "${onRefusal}"
`
  await setPolicy(world, policyText({ cache: [cache] }, rest))
  await world.output('nix-store --init')
  const gate = await startGate(world)
  useGate(world, gate.url, world.read(`${GATE_STATE}/gate.pub`).trim())
  return gate
}

/** Kills a gate at random moments and starts it again, until it is stopped; then the gate is up. */
function keepKilling(world: World, first: GateProcess, seed: number) {
  const random = randomFor(seed, 'moments')
  let [gate, isOver, kills] = [first, false, 0]
  // The longest life of a gate, in milliseconds. On a slow machine it is a multiple of the time that
  // a gate needs to start, so that some requests succeed.
  let longest = 3000
  const killing = (async () => {
    while (!isOver) {
      await sleep(100 + random.below(longest))
      assert.equal(await gate.end('SIGKILL'), 128 + 9, gate.log())
      kills++
      await sleep(random.below(300))
      const start = Date.now()
      gate = await startGate(world)
      longest = Math.max(3000, 5 * (Date.now() - start))
    }
  })()
  return {
    async stop(): Promise<number> {
      isOver = true
      await killing
      return kills
    },
  }
}

/** All paths that Nix holds valid, with the NAR hash that it registered. */
async function validPaths(world: World): Promise<ReadonlyMap<string, string>> {
  const rows = await world.output('sqlite3 /nix/var/nix/db/db.sqlite "select path, hash from ValidPaths"')
  return new Map(
    rows
      .split('\n')
      .filter(Boolean)
      .map(row => row.split('|sha256:') as [string, string]),
  )
}

/** What the ledger says of each path that it has; throws if an entry cannot be read. */
function readLedger(world: World): ReadonlyMap<string, string> {
  const ledger = world.path(`${GATE_STATE}/ledger`)
  const files = readdirSync(ledger, { recursive: true, withFileTypes: true })
  // A name that ends in `~` is a temporary file of a writer that was killed. Readers ignore it.
  const entries = files.filter(file => file.isFile() && !file.name.endsWith('~'))
  return new Map(
    entries.map(({ name, parentPath }) => {
      const text = world.read(`${GATE_STATE}/ledger/${parentPath.slice(ledger.length + 1)}/${name}`)
      const path = /^nixsig4 (\S+) /.exec(text)?.[1] ?? assert.fail(text)
      const admission = readAdmission(world.path(GATE_STATE), name, path)
      return [path, admission?.narHash ?? assert.fail(text)]
    }),
  )
}

for (const version of VERSIONS) {
  test(`${version}: a gate that is killed at random moments during ${PATHS} substitutions admits nothing unjudged, and Nix goes on`, t =>
    withWorld(version, {}, async world => {
      t.diagnostic(`NIXSIG_TEST_SEED=${SEED}`)
      const random = randomFor(SEED, 'paths')
      const [cache, mallory] = [signer('cache'), signer('mallory')]
      const all = Array.from({ length: PATHS }, (_, index) => {
        const isForeign = index % 10 === 7
        const contents = `${index}\n`.repeat(1 + random.below(10_000))
        return { isForeign, ...cachedPath(`thing-${index}`, contents, [isForeign ? mallory : cache]) }
      })
      // Half of the NARs come through the gate, half from their cache.
      const served = join(dir, version)
      writeCache(world.path('/srv/cache'), all.slice(0, PATHS / 2))
      writeCache(served, all.slice(PATHS / 2))
      const server = await serveDirectory(served)
      const upstreams = ['file:///srv/cache', server.url]
      const gate = await gateFor(world, cache, { upstreams, onRefusal: 'not-found' })
      const killer = keepKilling(world, gate, SEED)
      try {
        const count = await substituteAll(world, gate.url, all)
        t.diagnostic(`${await killer.stop()} kills; Nix was asked ${count} times`)
      } finally {
        await killer.stop()
        await server.close()
      }
      const [valid, ledger] = [await validPaths(world), readLedger(world)]
      for (const { path, narHash, isForeign } of all) {
        assert.equal(valid.get(path), isForeign ? undefined : narHash, path)
        assert.equal(ledger.get(path), isForeign ? undefined : narHash, path)
      }
      assert.deepEqual([...valid.keys()].sort(), [...ledger.keys()].sort())
      assert.deepEqual([...valid.keys()].sort(), trusted(all).sort())
      await assertClean(world)
    }))
}

function trusted(all: readonly (CachedPath & { readonly isForeign: boolean })[]): string[] {
  return all.filter(({ isForeign }) => !isForeign).map(({ path }) => path)
}

/**
 * Has Nix substitute all of these in several ways, asking again where it gave up, until what may
 * come is there; how often it was asked.
 */
async function substituteAll(
  world: World,
  url: string,
  all: readonly (CachedPath & { readonly isForeign: boolean })[],
): Promise<number> {
  let asked = 0
  const until = async (paths: readonly string[], command: readonly string[]) => {
    for (let round = 1; ; round++) {
      const valid = await validPaths(world)
      if (paths.every(path => valid.has(path))) return
      const outcome = await world.run(command)
      asked++
      assert.ok(round <= 20, `Nix does not get on: ${outcome.stderr.slice(-2000)}`)
    }
  }
  const half = all.length / 2
  const [some, others] = [all.slice(0, half), all.slice(half)]
  for (let at = 0; at < some.length; at += 200) {
    const part = some.slice(at, at + 200)
    const asks = ['nix-store', '--realise', '--keep-going', '--quiet', ...part.map(({ path }) => path)]
    await until(trusted(part), asks)
  }
  await until(trusted(others), ['nix', 'copy', '--from', url, ...trusted(others)])
  for (const { path } of others.filter(({ isForeign }) => isForeign).slice(0, 5)) {
    assert.notEqual((await world.run(['nix', 'copy', '--from', url, path])).status, 0)
  }
  return asked
}

const CACHE = 'file:///srv/cache'

function realise(world: World, path: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return world.run(['nix-store', '--realise', path], { env })
}

/** What the gate says of a path. */
async function ask(gate: GateProcess, { digest }: CachedPath) {
  const response = await fetch(`${gate.url}/${digest}.narinfo`)
  return { status: response.status, body: await response.text() }
}

for (const version of VERSIONS) {
  test(`${version}: a gate that cannot write its ledger lets nothing pass, and goes on once there is room`, () =>
    withWorld(version, {}, async world => {
      const cache = signer('cache')
      const [before, during, other] = ['before', 'during', 'other'].map(name =>
        cachedPath(name, name, [cache]),
      )
      assert.ok(before && during && other)
      writeCache(world.path('/srv/cache'), [before, during, other])
      await world.output(`mkdir -p ${GATE_STATE}; mount -t tmpfs -o size=512k,mode=700 tmpfs ${GATE_STATE}`)
      const gate = await gateFor(world, cache, { upstreams: [CACHE] })
      // A policy is written down as well, once it has not changed for two seconds.
      await sleep(2500)
      assert.equal((await realise(world, before.path)).status, 0)

      assert.notEqual((await world.run(`cat /dev/zero >${GATE_STATE}/filler`)).status, 0)
      for (const { path } of [during, other]) {
        const { status, stderr } = await realise(world, path)
        assert.notEqual(status, 0)
        assert.match(stderr, /HTTP error 451.*ENOSPC: no space left on device/s)
        assert.equal(await isValid(world, path), false)
        assert.equal(isInLedger(world, path), false)
      }
      // An admission that is in the ledger already need not be written again.
      assert.equal((await ask(gate, before)).status, 200)

      await world.output(`rm ${GATE_STATE}/filler`)
      assert.equal((await realise(world, during.path)).status, 0)
      assert.equal(readLedger(world).get(during.path), during.narHash)
      assert.equal(await gate.end('SIGTERM'), 0)
    }))

  test(`${version}: a gate outlives the store's daemon`, () =>
    withWorld(version, {}, async world => {
      const cache = signer('cache')
      const made = []
      for (const name of ['before', 'between', 'after']) {
        const { drv, out } = await instantiate(world, nix.derivation(name))
        made.push(cachedPath(name, name, [cache], { path: out, deriver: drv }))
      }
      const [before, between, later] = made
      assert.ok(before && between && later)
      writeCache(world.path('/srv/cache'), made)
      // Only the store knows that there is a derivation to each of them.
      const gate = await gateFor(world, cache, { upstreams: [CACHE], acceptsUnknown: false })
      const daemon = await world.startDaemon()
      const remote = { NIX_REMOTE: 'daemon' }
      assert.equal((await realise(world, before.path, remote)).status, 0)

      await daemon.stop()
      const { status, body } = await ask(gate, between)
      assert.equal(status, 200, body)

      await world.startDaemon()
      for (const { path } of [between, later]) {
        const outcome = await realise(world, path, remote)
        assert.equal(outcome.status, 0, outcome.stderr)
      }
      assert.equal(await gate.end('SIGTERM'), 0)
    }))
}

/** Starts to get something; resolves with the answer before its body is read. */
function begin(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { agent: false }, resolve).on('error', reject))
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('a gate that is told to stop finishes what it is asked already, and takes nothing new', () =>
  withWorld('bookworm', {}, async world => {
    const cache = signer('cache')
    const asked = cachedPath('asked', 'asked', [cache])
    let arrived = () => {}
    const isAsked = new Promise<void>(resolve => {
      arrived = resolve
    })
    const slow = createServer((_, response) => {
      arrived()
      setTimeout(() => response.end(asked.narinfo), 1500)
    })
    await new Promise<void>(resolve => slow.listen(0, '127.0.0.1', resolve))
    const upstream = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
    const gate = await gateFor(world, cache, { upstreams: [upstream] })

    const answer = begin(`${gate.url}/${asked.digest}.narinfo`)
    await isAsked
    const ended = gate.end('SIGTERM')
    await sleep(300)
    await assert.rejects(begin(`${gate.url}/nix-cache-info`), /ECONNREFUSED/)
    const response = await answer
    assert.equal(response.statusCode, 200)
    assert.match((await bodyOf(response)).toString(), /^StorePath: .*\nSig: [^\n]*-gate-1:/s)
    assert.equal(await ended, 0, gate.log())
    assert.equal(readLedger(world).get(asked.path), asked.narHash)
    slow.close()
    slow.closeAllConnections()
  }))

test('a gate that is told to stop hands on to its end the NAR that somebody is about to get, and can start again', () =>
  withWorld('bookworm', {}, async world => {
    const cache = signer('cache')
    const large = cachedPath('large', Buffer.alloc(64 * 1024 * 1024, 'x'), [cache])
    writeCache(world.path('/srv/cache'), [large])
    const gate = await gateFor(world, cache, { upstreams: [CACHE] })
    const url = /^URL: (.*)$/m.exec((await ask(gate, large)).body)?.[1]
    const answer = await begin(`${gate.url}/${url}`)
    await new Promise(resolve => answer.once('readable', resolve))
    const ended = gate.end('SIGTERM')
    await sleep(500)
    assert.equal(sha256(await bodyOf(answer)), large.narHash)
    assert.equal(await ended, 0, gate.log())
    const next = await startGate(world)
    assert.equal(next.url, gate.url)
    assert.equal((await realise(world, large.path)).status, 0)
    assert.equal(await next.end('SIGTERM'), 0)
  }))
