// What others' builds left, whose own hooks were kept from judging it: however large, however many, it costs another user's
// build no more than a hook does for others, and it is judged when something is built from it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { assertBuilt, instantiate, isInLedger, isValid, nixBuild } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
/** Hooks of one build, as often as any Nix calls them, and what each does for others: src/verifier/leftover-room.ts. */
const HOOKS = 3
const [BUILDS, OUTPUTS] = [4, 32]
const LARGE = 80 * 1024 * 1024
const PATH = { PATH: '"/bin:/usr/bin"' }

async function withPolicy(world: World): Promise<void> {
  await setPolicy(world, policyText({ bob: [signer('bob')] }, byDefault('nothing', 'nothing', 'self')))
}

/** Builds this while no hook judges it; the path of `out`. */
async function leave(world: World, expression: string) {
  const made = await instantiate(world, expression)
  assert.notEqual((await nixBuild(world, '--option post-build-hook /bin/false')).status, 0)
  assert.equal(await isValid(world, made.out), true)
  return made
}

async function buildSomethingElse(world: World, name = 'else'): Promise<void> {
  await instantiate(world, nix.derivation(name))
  await assertBuilt(world)
}

const count = async (world: World, what: string) => Number(await world.output(`${what} | wc -l`))

for (const version of VERSIONS) {
  test(`${version}: attack: large outputs whose hooks were killed are hashed in nobody else's build`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withPolicy(world)
      const build = `dd if=/dev/zero of=$out bs=1 count=0 seek=${LARGE} 2>/dev/null`
      const large = ['large-1', 'large-2'].map(name => nix.derivation(name, { build, attributes: PATH }))
      const left = []
      for (const expression of large) left.push(await leave(world, expression))
      const { out: small } = await leave(world, nix.derivation('small'))
      await buildSomethingElse(world)
      assert.equal(isInLedger(world, small), true)
      for (const { out } of left) assert.equal(isInLedger(world, out), false)
      const { out: top } = await instantiate(world, nix.withInputs('top', large))
      await assertBuilt(world)
      for (const { out } of [...left, { out: top }]) assert.equal(isInLedger(world, out), true)
    }))

  test(`${version}: attack: of many outputs whose hooks were killed another build judges a few`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withPolicy(world)
      const names = Array.from({ length: 20 }, (_, index) => `o${index}`)
      const outputs = `[ "out" ${names.map(name => `"${name}"`).join(' ')} ]`
      const build = 'for name in $outputs; do eval "echo $name > \\$$name"; done'
      for (let index = 0; index < 8; index++)
        await leave(world, nix.derivation(`many-${index}`, { build, attributes: { outputs } }))
      const attested = () => count(world, `grep -rl . ${STATE}/ledger | xargs grep -l ^built.here`)
      const before = await attested()
      await buildSomethingElse(world)
      const judged = (await attested()) - before - 1
      assert.ok(judged > 0 && judged <= HOOKS * OUTPUTS, `${judged} were judged`)
    }))

  test(`${version}: attack: of many outputs without a derivation another build takes out a few`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withPolicy(world)
      const lost = []
      for (let index = 0; index < 24; index++) lost.push(await leave(world, nix.derivation(`lost-${index}`)))
      const files = lost.map(({ drv }) => drv).join(' ')
      await world.output(`rm -f result*; nix-store --option keep-derivations false --delete ${files}`)
      await buildSomethingElse(world)
      const taken = await count(world, `ls -d ${STATE}/quarantine/*Z-*`)
      assert.ok(taken > 0 && taken <= HOOKS * BUILDS, `${taken} were taken out`)
    }))
}
