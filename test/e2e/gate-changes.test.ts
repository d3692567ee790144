// A decision is made again as soon as anything that it depends on changes. docs/semantics.md, G5
// and G11.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedPath } from '../support/cache-of-many.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { ALPHA, BETA, type GatedWorld, stock, untilLooked, withGatedWorld } from '../support/gated-world.ts'
import { built, byDefault, contentsOf, packaged, publish, signer } from '../support/trust.ts'
import { OLDEST } from '../support/world.ts'

const HELLO = cachedPath('hello', 'hello\n', [ALPHA])
const DERIVATION = '/nix/store/0c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-hello.drv'

/** Has Nix get it, and lets go of it again. */
async function passes({ realise, isValid, world }: GatedWorld): Promise<void> {
  const { status, stderr } = await realise(HELLO.path)
  assert.equal(status, 0, stderr)
  assert.equal(await isValid(HELLO.path), true)
  await world.output(['nix-store', '--delete', HELLO.path])
}

async function isRefused({ realise, isValid }: GatedWorld, reason: RegExp): Promise<void> {
  const { status, stderr } = await realise(HELLO.path)
  assert.notEqual(status, 0)
  assert.match(stderr, reason)
  assert.equal(await isValid(HELLO.path), false)
}

/** What the gate says of it, asked once. */
async function ask({ gate }: GatedWorld): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`${gate.url}/${HELLO.digest}.narinfo`)
  return { status: response.status, body: await response.text() }
}

/**
 * Asks until the gate answers from memory. It does so only once the files behind its verdict have not
 * changed for a while.
 */
async function untilAtHand(world: GatedWorld): Promise<void> {
  const count = async () => {
    const metrics = await (await fetch(`${world.gate.url}/metrics`)).text()
    return /^nixsig_answers_cached_total (\d+)$/m.exec(metrics)?.[1] ?? '0'
  }
  const before = await count()
  await eventually('an answer that is kept', async () => {
    assert.equal((await ask(world)).status, 200)
    return (await count()) !== before
  })
}

for (const version of OLDEST) {
  const gated = (name: string, use: (world: GatedWorld) => Promise<void>) =>
    test(`${version}: ${name}`, () =>
      withGatedWorld(version, 'on-no-answer = "fail"', async world => {
        stock(world.caches[0], HELLO)
        await use(world)
      }))

  gated('the policy is changed while the gate runs, back and forth', async world => {
    await passes(world)
    await world.trust(2)
    await isRefused(world, /needs 2 of 3 caches for its output, found 1 \(alpha\)/)
    await world.trust(1)
    await passes(world)
  })

  gated('a key that is revoked after the first download is refused at the next one', async world => {
    await passes(world)
    await world.trust(1, `[[revocations]]\nprincipal = "alpha"\ndate = 2020-01-01\nreason = "stolen"`)
    await isRefused(world, /the key of alpha is revoked since 2020-01-01 \(stolen\)/)
  })

  gated('a key that has expired counts for nothing', async world => {
    const file = '/etc/nixsig/policy.toml'
    const key = `"${ALPHA.publicKey}"`
    const policy = world.world.read(file)
    world.world.write(file, policy.replace(key, `{ key = ${key}, valid-until = 2020-01-01 }`))
    await isRefused(world, /the key of alpha is past its date, 2020-01-01/)
  })

  gated('a policy that cannot be read refuses everything and says so, until it can', async world => {
    await passes(world)
    const policy = world.world.read('/etc/nixsig/policy.toml')
    world.world.write('/etc/nixsig/policy.toml', policy.replace('version = 1', 'version = 2'))
    await isRefused(world, /undecided .*version must be 1/)
    const health = () => world.world.run(`curl -s -w '%{http_code}' ${world.gate.url}/health`)
    assert.match((await health()).stdout, /not ok: .*version must be 1.*\n503/)
    assert.match(
      (await world.world.run('/opt/nixsig/nixsig reload')).stderr,
      /not reloaded: .*version must be 1/,
    )
    world.world.write('/etc/nixsig/policy.toml', policy)
    await passes(world)
    assert.match((await health()).stdout, /^ok, policy [0-9a-f]{64}\n200$/)
  })

  gated('in warn mode what would be refused passes, is told, and is not admitted', async world => {
    await world.trust(2, '', 'warn')
    await passes(world)
    assert.match(world.gate.log(), /"would be refused".*needs 2 of 3 caches/)
    assert.equal(world.admission(HELLO.path), undefined)
  })

  gated('G12: in warn mode what no cache can be asked about is told, and is not there', async world => {
    for (const cache of world.caches) cache.mood = 503
    assert.equal((await ask(world)).status, 451)
    await world.trust(2, '', 'warn')
    assert.equal((await ask(world)).status, 404)
    const log = () => world.gate.log()
    await eventually(log, () => /"would be refused".*answered 503/.test(log()))
    assert.equal(world.admission(HELLO.path), undefined)
  })

  gated('a builder of the list attests other contents: a conflict from then on', async world => {
    await passes(world)
    const other = { path: HELLO.path, narHash: 'ab'.repeat(32) }
    publish(world.world, HELLO.path, built(BETA, other, DERIVATION))
    await isRefused(world, /builders disagree: beta attested other contents \(sha256:abab/)
  })

  gated('a builder who only attests counts with one who signs for a cache', async world => {
    await world.trust(2)
    await isRefused(world, /found 1 \(alpha\)/)
    publish(world.world, HELLO.path, built(BETA, HELLO, DERIVATION))
    await passes(world)
  })

  gated(
    'an answer at hand is given no more once the policy or an attestation says otherwise',
    async world => {
      await untilAtHand(world)
      await world.trust(2)
      const refused = await ask(world)
      assert.equal(refused.status, 451)
      assert.match(refused.body, /needs 2 of 3 caches for its output, found 1 \(alpha\)/)

      await world.trust(1)
      // The file is there already, and its directory does not change.
      publish(world.world, HELLO.path, built(BETA, HELLO, DERIVATION))
      await untilAtHand(world)
      const other = { path: HELLO.path, narHash: 'ab'.repeat(32) }
      publish(world.world, HELLO.path, built(BETA, other, DERIVATION))
      await untilLooked()
      const conflict = await ask(world)
      assert.equal(conflict.status, 451)
      assert.match(conflict.body, /builders disagree: beta attested other contents/)
    },
  )

  gated('the policy is changed while a cache is still waited for: the new one decides', async world => {
    const [cache] = world.caches
    let goOn = () => {}
    cache.pause = new Promise<void>(resolve => {
      goOn = resolve
    })
    // Nix asks more than once, and so would not show what the first answer was.
    const asked = ask(world)
    await eventually('the cache is asked', () => cache.asked.length > 0)
    await world.trust(2)
    goOn()
    const { status, body } = await asked
    assert.equal(status, 451)
    assert.match(body, /needs 2 of 3 caches for its output, found 1 \(alpha\)/)
    // It was judged by the old policy as well, and what that let in is not what is in force.
    const { stdout } = await world.world.run(`curl -s ${world.gate.url}/health`)
    assert.match(stdout, /^ok, policy [0-9a-f]{64}$/m)
    assert.notEqual(stdout.trim(), `ok, policy ${world.admission(HELLO.path)?.policy}`)
  })

  gated(
    'what was let in is built upon, and is no longer once the key that vouched for it is revoked',
    async world => {
      const { world: machine, caches, trust } = world
      const own = '[[rules]]\nmatch = { name = "top", kind = "output" }\nrequire.output = "self"\n'
      await trust(1, own)
      const base = nix.derivation('base')
      machine.write('/srv/x.nix', nix.withInputs('top', [base]))
      machine.write('/srv/base.nix', base)
      const drv = await machine.output('nix-instantiate /srv/base.nix')
      const path = await machine.output(['nix-store', '-q', '--outputs', drv])
      stock(caches[0], cachedPath('base', 'base\n', [ALPHA], { path }))
      const build = () => machine.run('nix-build --no-out-link /srv/x.nix', { user: 'alice' })
      const { status, stdout, stderr } = await build()
      assert.equal(status, 0, stderr)
      assert.equal(world.admission(path)?.builtHere, false)
      assert.equal(world.admission(stdout.trim())?.builtHere, true)
      await machine.output(`nix-store --delete ${stdout}`)

      await trust(1, `${own}[[revocations]]\nkey = "${ALPHA.publicKey}"\ndate = 2020-01-01\n`)
      const again = await build()
      assert.notEqual(again.status, 0)
      assert.match(
        again.stderr,
        /refused .*-base \(output\) .*: the key of alpha is revoked since 2020-01-01/,
      )
      assert.equal(await world.isValid(stdout.trim()), false)
    },
  )

  gated('a cache gets what it had not: at once after a reload', async world => {
    const late = cachedPath('late', 'late\n', [ALPHA])
    assert.notEqual((await world.realise(late.path)).status, 0)
    stock(world.caches[1], late)
    assert.equal((await world.world.run('/opt/nixsig/nixsig reload')).stderr, 'reloaded\n')
    assert.equal((await world.realise(late.path)).status, 0)
  })

  gated(
    'an output whose derivation is known needs that and its sources to be trusted, one that is not does not come in',
    async ({ world, caches, realise, isValid }) => {
      const alice = signer('alice')
      const file = '/etc/nixsig/policy.toml'
      const policy = world.read(file)
      const strict = (accepts: string) =>
        `[principals.alice]\nkeys = ["${alice.publicKey}"]\n${accepts}${byDefault('alice', 'alice', 'caches')}`
      const people = policy.slice(0, policy.indexOf('[default]'))
      world.write(file, people + strict(''))
      world.write('/srv/source.txt', 'text\n')
      world.write('/srv/x.nix', nix.derivation('known', { inputs: ['./source.txt'] }))
      const drv = await world.output('nix-instantiate /srv/x.nix')
      const out = await world.output(['nix-store', '-q', '--outputs', drv])
      const [source = ''] = (await world.output(['nix-store', '-q', '--references', drv])).split('\n')
      stock(caches[0], cachedPath('known', 'known\n', [ALPHA], { path: out }))
      const refusedFor = async (path: string, reason: RegExp) => {
        assert.match((await realise(path)).stderr, reason)
        assert.equal(await isValid(path), false)
      }
      await refusedFor(HELLO.path, /undecided .*its derivation is not in this store/)
      await refusedFor(
        out,
        /undecided .*nobody stands for the derivation that makes it, .*-known\.drv \(needs alice for its derivation/,
      )
      publish(world, drv, packaged(alice, await contentsOf(world, drv)))
      await refusedFor(
        out,
        /its input .*-source\.txt \(local source\) is refused: needs alice for its source/,
      )
      publish(world, source, packaged(alice, await contentsOf(world, source)))
      const { status, stderr } = await realise(out)
      assert.equal(status, 0, stderr)
    },
  )
}
