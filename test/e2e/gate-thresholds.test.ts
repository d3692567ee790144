// How many caches are needed, and what happens if some lie, fail or are absent. docs/semantics.md,
// G1 to G3.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConflict } from '../../src/ledger/conflicts.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import * as nix from '../support/expressions.ts'
import { GATE_STATE } from '../support/gate-process.ts'
import {
  ALPHA,
  BETA,
  GAMMA,
  type GatedWorld,
  MALLORY,
  stock,
  withGatedWorld,
} from '../support/gated-world.ts'
import { POLICY, type Signer } from '../support/trust.ts'
import { NEWEST } from '../support/world.ts'

const hello = (...by: readonly Signer[]) => cachedPath('hello', 'hello\n', by)
const { path: HELLO, narHash, digest } = hello()

async function assertRefused(
  { realise, isValid, admission }: GatedWorld,
  ...reasons: readonly RegExp[]
): Promise<void> {
  const { status, stderr } = await realise(HELLO)
  assert.notEqual(status, 0)
  for (const reason of reasons) assert.match(stderr, reason)
  assert.equal(await isValid(HELLO), false)
  assert.equal(admission(HELLO), undefined)
}

async function assertSubstituted({ realise, isValid, admission }: GatedWorld): Promise<void> {
  const { status, stderr } = await realise(HELLO)
  assert.equal(status, 0, stderr)
  assert.equal(await isValid(HELLO), true)
  assert.equal(admission(HELLO)?.narHash, narHash)
}

for (const version of NEWEST) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>, gateOptions = '') =>
    test(`${version}: ${name}`, () => withGatedWorld(version, gateOptions, use))

  gated(
    'one trusted cache is enough where the policy says so, and stays in the store as who signed',
    async world => {
      stock(world.caches[1], hello(BETA))
      await assertSubstituted(world)
      assert.deepEqual(
        world.admission(HELLO)?.claims.map(({ role, origin }) => [role, origin]),
        [['builder', world.caches[1].url]],
      )
      const { stdout } = await world.world.run(`nix path-info --json ${HELLO} 2>/dev/null`)
      assert.match(stdout, /"beta-1:/)
    },
  )

  gated('two of three caches, and not one of them', async world => {
    await world.trust(2)
    stock(world.caches[0], hello(ALPHA))
    await assertRefused(world, /HTTP error 451/, /needs 2 of 3 caches for its output, found 1 \(alpha\)/)
    stock(world.caches[2], hello(GAMMA))
    await world.world.output('/opt/nixsig/nixsig reload')
    await assertSubstituted(world)
  })

  gated(
    'attack: one cache lies about the contents: both sides are named, told and written down',
    async world => {
      await world.trust(2)
      stock(world.caches[0], hello(ALPHA, BETA))
      stock(world.caches[2], cachedPath('hello', 'evil\n', [GAMMA]))
      const [first, , third] = world.caches
      await assertRefused(
        world,
        new RegExp(`binary caches disagree: ${first.url} says sha256:${narHash} .*${third.url} says`),
      )
      const conflict = readConflict(world.world.path(GATE_STATE), digest)
      assert.deepEqual(
        conflict?.sides.map(({ who }) => who),
        [first.url, third.url],
      )
      const { stdout } = await world.world.run(`/opt/nixsig/nixsig explain ${HELLO}`)
      assert.match(stdout, /binary caches disagree/)
      assert.match(stdout, new RegExp(`binary caches:\\n.*disagreed .*\\n.*${first.url} had`))
    },
  )

  gated('attack: who lies and has signed nothing takes nobody’s word away, and is named', async world => {
    const [liar, honest] = world.caches
    stock(liar, cachedPath('hello', 'evil\n', [MALLORY]))
    stock(honest, hello(BETA))
    const before = await world.world.run(`/opt/nixsig/nixsig explain ${HELLO}`)
    const stray = 'a binary cache that says something else, which no listed key signed'
    assert.match(before.stdout, new RegExp(`trusted [\\s\\S]*${stray} \\(.*${liar.url}`))
    await assertSubstituted(world)
    await sleep(200)
    assert.match(world.gate.log(), new RegExp(`"an upstream says something else".*"upstream":"${liar.url}"`))
    assert.equal(readConflict(world.world.path(GATE_STATE), digest), undefined)
  })

  gated(
    'attack: where nobody signed anything and nothing is required, nobody of two is believed',
    async world => {
      const policy = world.world.read(POLICY).replace('output = "caches"', 'output = "nothing"')
      world.world.write(POLICY, policy)
      stock(world.caches[0], hello())
      stock(world.caches[1], cachedPath('hello', 'evil\n', []))
      await assertRefused(world, /binary caches disagree/)
      assert.equal(readConflict(world.world.path(GATE_STATE), digest)?.sides.length, 2)
    },
  )

  gated('attack: unsigned, signed by nobody of the list, or by one key under two names', async world => {
    await world.trust(2)
    stock(world.caches[0], hello())
    await assertRefused(world, /found no signature/)
    stock(world.caches[0], hello(MALLORY))
    await world.world.output('/opt/nixsig/nixsig reload')
    await assertRefused(world, /found only signers who are not in the trusted list \(mallory-1\)/)
    const alias: Signer = { ...ALPHA, key: { ...ALPHA.key, name: 'beta-1' } }
    stock(world.caches[0], hello(ALPHA, alias))
    stock(world.caches[1], hello(alias))
    await world.world.output('/opt/nixsig/nixsig reload')
    await assertRefused(world, /needs 2 of 3 caches for its output, found 1 \(alpha\)/)
  })

  gated(
    'a cache that is down is passed over and told, however it is down',
    async world => {
      stock(world.caches[1], hello(BETA))
      const moods = [
        ['down', 'closed|hang up|reset'],
        [500, 'answered 500'],
        ['silent', 'no answer within 1 s'],
      ] as const
      for (const [mood, detail] of moods) {
        world.caches[0].mood = mood
        await world.world.output('/opt/nixsig/nixsig reload')
        const before = world.gate.log().length
        await assertSubstituted(world)
        assert.match(
          world.gate.log().slice(before),
          new RegExp(
            `"no answer from an upstream","upstream":"${world.caches[0].url}","detail":"[^"]*(?:${detail})`,
          ),
        )
        await world.world.output(`nix-store --delete ${HELLO}; rm -r ${GATE_STATE}/ledger`)
      }
    },
    'timeout = 1',
  )

  gated('a refusal for want of signatures names the cache that did not answer', async world => {
    const [first, second] = world.caches
    await world.trust(2)
    stock(first, hello(ALPHA))
    second.mood = 503
    await assertRefused(
      world,
      new RegExp(
        `found 1 \\(alpha\\); a binary cache that did not answer \\(answered 503, in ${second.url}\\); next`,
      ),
    )
    second.mood = 'well'
    stock(second, hello(BETA))
    await assertSubstituted(world)
  })

  gated(
    'with all caches down a path is undecided and refused, with each of them named',
    async world => {
      for (const cache of world.caches) cache.mood = 503
      const names = world.caches.map(({ url }) => `${url}: answered 503`).join('; ')
      await assertRefused(world, new RegExp(`undecided .*${names}`))
    },
    'on-no-answer = "fail"',
  )

  gated('with the gate down nothing is substituted', async world => {
    stock(world.caches[0], hello(ALPHA))
    await world.gate.end('SIGKILL')
    await assertRefused(world, /Couldn't connect|Could not connect|does not exist|cannot build/i)
    assert.deepEqual(world.caches[0].asked, [])
  })

  gated('a path that nobody has is built here, where the hooks judge', async world => {
    world.world.write('/srv/x.nix', nix.derivation('built-here'))
    const { stderr } = await world.world.run('nix-build --no-out-link /srv/x.nix', { user: 'alice' })
    assert.match(stderr, /-built-here \(output\) [\s\S]*needs 1 of 3 caches for its output/)
  })

  gated(
    'a refused path is built here with on-refusal = "not-found", and judged by the hooks',
    async world => {
      world.world.write('/srv/x.nix', nix.derivation('mine'))
      const out = await world.world.output('nix-store -q --outputs $(nix-instantiate /srv/x.nix)')
      stock(world.caches[0], cachedPath('mine', 'mine\n', [MALLORY], { path: out }))
      await world.trust(1, '[[rules]]\nmatch.name = "mine"\nrequire.output = "self"\nmatch.kind = "output"')
      const { status, stderr } = await world.world.run('nix-build --no-out-link /srv/x.nix', {
        user: 'alice',
      })
      assert.equal(status, 0, stderr)
      assert.match(world.gate.log(), /"refused".*-mine .*needs to be built by this machine/)
      assert.equal(world.admission(out)?.builtHere, true)
    },
    'on-refusal = "not-found"',
  )

  gated(
    'caches that Nix cannot reach itself are handed on: a directory, and one that wants a password',
    async world => {
      const [cache, other] = world.caches
      const own = cachedPath('own', 'own\n', [ALPHA])
      cache.password = 'Bearer secret'
      stock(cache, own)
      writeCache(world.world.path('/srv/cache'), [hello(BETA)])
      world.world.write('/etc/nixsig/token', 'Bearer secret\n', 0o600)
      useUpstreams(
        world,
        `"${other.url}", "file:///srv/cache", { url = "${cache.url}", authorization = "token" }`,
      )
      await assertSubstituted(world)
      const { status, stderr } = await world.realise(own.path)
      assert.equal(status, 0, stderr)
      assert.equal(world.admission(own.path)?.narHash, own.narHash)
      const { stdout } = await world.world.run(`curl -s ${world.gate.url}/metrics`)
      assert.match(stdout, /^nixsig_requests_total\{endpoint="nar",status="200"\} 2$/m)
      assert.ok(other.asked.length > 0)
      assert.deepEqual(other.passwords, [], 'nobody else is told the password')
      assert.deepEqual([...new Set(cache.passwords)], ['Bearer secret'])
    },
  )

  gated(
    'a password that others could read is not used, and not told',
    async world => {
      const [cache] = world.caches
      cache.password = 'Bearer secret'
      stock(cache, hello(ALPHA))
      world.world.write('/etc/nixsig/token', 'Bearer secret\n', 0o644)
      useUpstreams(world, `{ url = "${cache.url}", authorization = "token" }`)
      await assertRefused(world, /undecided .*token can be read or written by others \(chmod 600 /)
      assert.deepEqual(cache.passwords, [])
      assert.doesNotMatch(world.gate.log(), /Bearer/)
    },
    'on-no-answer = "fail"',
  )
}

/** Has the policy name other upstreams, with addresses that there are by now. */
function useUpstreams({ world }: GatedWorld, upstreams: string): void {
  const policy = world.read(POLICY)
  world.write(POLICY, policy.replace(/upstreams = .*/, `upstreams = [${upstreams}]`))
}
