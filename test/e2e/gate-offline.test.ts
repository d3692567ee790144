// Without a network, or with caches that come and go: what needs no cache is built, and nothing is
// let in by it. docs/semantics.md, G1.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { everyBlockWasRun } from '../docs/ran.ts'
import { asText, lookFor, messagesOf } from '../docs/shown.ts'
import { cachedPath } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, type GatedWorld, stock, withGatedWorld } from '../support/gated-world.ts'
import { POLICY } from '../support/trust.ts'
import { VERSIONS } from '../support/world.ts'

const OWN = '[[rules]]\nmatch.name = "own*"\nmatch.kind = "output"\nrequire.output = "self"'
const HELLO = cachedPath('hello', 'hello\n', [ALPHA])

const SILENT = /"event":"no answer from an upstream"/g
const AGAIN = /"event":"an upstream answers again"/g

const SHOWN = messagesOf('docs/how-to/gate.md', 'Without a network')

/** Lines of the log come a little late. */
const LATE_MS = 200

function build({ world }: GatedWorld, expression: string) {
  world.write('/srv/x.nix', expression)
  return world.run('nix-build --no-out-link /srv/x.nix', { user: 'alice' })
}

async function countOf({ gate }: GatedWorld, event: RegExp): Promise<number> {
  await sleep(LATE_MS)
  return [...gate.log().matchAll(event)].length
}

for (const version of VERSIONS) {
  const gated = (name: string, use: (gated: GatedWorld) => Promise<void>, options = '') =>
    test(`${version}: ${name}`, () =>
      withGatedWorld(version, options, async world => {
        await world.trust(1, OWN)
        await use(world)
      }))

  gated('with all caches down, what needs none is built, and each silence is told once', async world => {
    for (const cache of world.caches) cache.mood = 'down'
    const { status, stderr } = await build(world, nix.chain('own', 5))
    assert.equal(status, 0, stderr)
    assert.equal(await countOf(world, SILENT), 3)
    assert.doesNotMatch(world.gate.log(), /"refused"/)
    const { stdout } = await world.world.run(`curl -s ${world.gate.url}/metrics`)
    assert.match(stdout, /^nixsig_unanswered_total [1-9]/m)
    assert.match(stdout, /^nixsig_upstream_silences_total\{upstream=".*"\} 1$/m)
    // The hooks judge what is built: nothing that only caches may make gets in.
    const other = await build(world, nix.derivation('theirs'))
    assert.match(other.stderr, /-theirs \(output\) [\s\S]*needs 1 of 3 caches for its output/)
    const said = await world.world.run(
      `/opt/nixsig/nixsig verify ${HELLO.path} --from ${world.caches[0].url}`,
    )
    assert.equal(said.status, 20)
    assert.match(said.stdout + said.stderr, /undecided/)
  })

  gated('a cache that comes back is used within seconds, and told once', async world => {
    stock(world.caches[0], HELLO)
    for (const mood of ['down', 503] as const) {
      for (const cache of world.caches) cache.mood = mood
      assert.notEqual((await world.realise(HELLO.path)).status, 0)
    }
    for (const cache of world.caches) cache.mood = 'well'
    // After some failures in a row it is left alone for two seconds.
    await sleep(2500)
    const { status, stderr } = await world.realise(HELLO.path)
    assert.equal(status, 0, stderr)
    assert.deepEqual([await countOf(world, SILENT), await countOf(world, AGAIN)], [3, 3])
    const log = asText(world.gate.log()).replaceAll(world.caches[0].url, 'https://cache.example.org')
    lookFor(SHOWN, log, version)
  })

  gated(
    'a cache that hangs costs a build of ten derivations its time limit once',
    async world => {
      world.caches[0].mood = 'silent'
      const started = performance.now()
      const { status, stderr } = await build(world, nix.chain('own', 10))
      const seconds = (performance.now() - started) / 1000
      assert.equal(status, 0, stderr)
      assert.ok(seconds < 15, `${seconds} s`)
      stock(world.caches[0], HELLO)
      world.caches[0].mood = 'well'
      await sleep(10_000)
      const later = await world.realise(HELLO.path)
      assert.equal(later.status, 0, later.stderr)
    },
    'timeout = 3',
  )

  gated('names that cannot be resolved are an upstream that does not answer', async world => {
    const policy = world.world.read(POLICY)
    world.world.write(POLICY, policy.replace(/upstreams = .*/, 'upstreams = ["https://cache.example.org"]'))
    const { status, stderr } = await build(world, nix.derivation('own'))
    assert.equal(status, 0, stderr)
    assert.match(
      world.gate.log(),
      /"no answer from an upstream","upstream":"https:\/\/cache.example.org","detail":"getaddrinfo /,
    )
    lookFor(SHOWN, asText(world.gate.log()), version)
  })

  gated(
    'with on-no-answer = "fail" the reason stops Nix',
    async world => {
      for (const cache of world.caches) cache.mood = 'down'
      const { status, stderr } = await build(world, nix.derivation('own'))
      assert.notEqual(status, 0)
      assert.match(stderr, /HTTP error 451/)
      assert.match(stderr, new RegExp(`undecided because of the binary caches: .*${world.caches[0].url}: `))
    },
    'on-no-answer = "fail"',
  )
}

everyBlockWasRun('e2e/gate-offline')
