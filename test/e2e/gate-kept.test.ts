// What a gate remembers is checked as strictly as what it hears for the first time.
// docs/semantics.md, G11.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEnd } from '../support/before-end.ts'
import { cachedPath, writeCache } from '../support/cache-of-many.ts'
import { ALPHA, BETA, type GatedWorld, stock, untilLooked, withGatedWorld } from '../support/gated-world.ts'
import { built, POLICY, publish } from '../support/trust.ts'
import { NEWEST } from '../support/world.ts'

const HELLO = cachedPath('hello', 'hello\n', [ALPHA])
const NARINFO = `${HELLO.digest}.narinfo`
const DERIVATION = '/nix/store/0c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-hello.drv'

/** Milliseconds after which a gate relies on files that nobody has touched since. */
const SETTLED = 2300

interface Answer {
  readonly status: number
  readonly body: string
}

async function ask({ gate }: GatedWorld, name = NARINFO): Promise<Answer> {
  const response = await fetch(`${gate.url}/${name}`)
  return { status: response.status, body: await response.text() }
}

/**
 * Waits until all that an answer rests on is settled; the gate's first look at the store changes
 * Nix's database.
 */
async function settle(world: GatedWorld): Promise<void> {
  await ask(world)
  await sleep(SETTLED)
}

async function countKept(world: GatedWorld): Promise<number> {
  const { body } = await ask(world, 'metrics')
  return Number(/^nixsig_answers_cached_total (\d+)$/m.exec(body)?.[1] ?? 0)
}

/** Has the gate answer that the path may come, and keep that answer. */
async function keep(world: GatedWorld): Promise<void> {
  const before = await countKept(world)
  for (const _ of ['judged', 'kept']) {
    const { status, body } = await ask(world)
    assert.equal(status, 200, body)
  }
  assert.equal(await countKept(world), before + 1)
}

async function assertRefused(world: GatedWorld, reason: RegExp): Promise<void> {
  await untilLooked()
  const { status, body } = await ask(world)
  assert.equal(status, 451, body)
  assert.match(body, reason)
}

for (const version of NEWEST) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>, gateOptions = '') =>
    test(`${version}: ${name}`, () =>
      withGatedWorld(version, gateOptions, async world => {
        stock(world.caches[0], HELLO)
        await use(world)
      }))

  gated('a kept answer ends with the policy that it was judged by', async world => {
    await settle(world)
    await keep(world)
    const policy = world.world.read(POLICY)
    const revocation = '[[revocations]]\nprincipal = "alpha"\ndate = 2020-01-01\nreason = "stolen"\n'
    world.world.write(POLICY, policy.replace('[default]', `${revocation}[default]`))
    await assertRefused(world, /the key of alpha is revoked since 2020-01-01 \(stolen\)/)
    world.world.write(POLICY, policy)
    await untilLooked()
    assert.equal((await ask(world)).status, 200)
    world.world.write(POLICY, policy.replace('threshold = 1', 'threshold = 2'))
    await assertRefused(world, /needs 2 of 3 caches for its output, found 1 \(alpha\)/)
    world.world.write(POLICY, 'no policy')
    await assertRefused(world, /undecided .*policy\.toml/)
    await world.world.output(['rm', POLICY])
    await assertRefused(world, /undecided .*policy\.toml/)
  })

  gated('a kept answer ends when a builder attests other contents', async world => {
    await settle(world)
    await keep(world)
    const other = { path: HELLO.path, narHash: 'ab'.repeat(32) }
    publish(world.world, HELLO.path, built(BETA, other, DERIVATION))
    await assertRefused(world, /builders disagree: beta attested other contents \(sha256:abab/)
  })

  gated('a kept answer ends when other contents become valid here by another way', async world => {
    const { world: machine } = world
    const evil = cachedPath('hello', 'evil\n', [])
    writeCache(machine.path('/srv/elsewhere'), [evil])
    await settle(world)
    await keep(world)
    const [first] = world.caches
    const taken = await machine.run(`nix copy --no-check-sigs --from file:///srv/elsewhere ${HELLO.path}`)
    assert.equal(taken.status, 0, taken.stderr)
    await assertRefused(
      world,
      new RegExp(`disagree: ${first.url} says sha256:${HELLO.narHash} .*the store of this machine says`),
    )
    await machine.output(['nix-store', '--delete', HELLO.path])
    assert.equal((await ask(world)).status, 200)
  })

  gated('a kept answer ends with the key that it rests on', async world => {
    const key = `"${ALPHA.publicKey}"`
    const policy = world.world.read(POLICY)
    await beforeEnd(async ({ seconds, text }) => {
      world.world.write(POLICY, policy.replace(key, `{ key = ${key}, valid-until = ${text} }`))
      await settle(world)
      await keep(world)
      assert.equal(world.admission(HELLO.path)?.until, seconds)
    })
    await assertRefused(world, /the key of alpha is past its date/)
  })

  gated(
    'what a cache once said stands for as long as the policy lets it, both ways',
    async world => {
      const [cache] = world.caches
      const late = cachedPath('late', 'late\n', [ALPHA])
      await settle(world)
      await keep(world)
      assert.equal((await ask(world, `${late.digest}.narinfo`)).status, 404)
      stock(cache, cachedPath('hello', 'hello, with a hole\n', []), late)
      assert.equal((await ask(world)).status, 200)
      await sleep(2100)
      await assertRefused(world, /found no signature/)
      assert.equal((await ask(world, `${late.digest}.narinfo`)).status, 200)
    },
    'max-age = 2\nnegative-max-age = 2',
  )

  gated('a cache is asked once for all who ask at the same time, and for those who follow', async world => {
    const [cache] = world.caches
    await Promise.all(Array.from({ length: 25 }, () => ask(world)))
    await ask(world)
    assert.equal(cache.asked.filter(name => name === NARINFO).length, 1)
    await world.world.output('/opt/nixsig/nixsig reload')
    await ask(world)
    assert.equal(cache.asked.filter(name => name === NARINFO).length, 2)
  })
}
