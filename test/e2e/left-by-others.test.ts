// Outputs of other users' builds whose own hooks were kept from judging them. However large or
// many, they cost another user's build no more than what a hook may spend on others, and they are
// judged when something is built from them.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { withLateVictims } from '../support/late-refusal.ts'
import { assertBuilt, instantiate, isInLedger, isValid, nixBuild, quarantined } from '../support/scene.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { collectWithoutReading } from '../support/unread-socket.ts'
import { type User, VERSIONS, type World, withWorld } from '../support/world.ts'

const STATE = '/var/lib/nixsig'
/**
 * Hooks of one build, as often as any Nix calls them, and what each does for others:
 * src/verifier/unjudged-budget.ts.
 */
const HOOKS = 3
const [BUILDS, OUTPUTS] = [4, 32]
/** Writes one byte more than a hook hashes for others, with the shell's own means. */
const LARGE = 's=0123456789abcdef; i=0; while [ $i -lt 22 ]; do s=$s$s; i=$((i+1)); done; echo $s > $out'

async function withPolicy(world: World): Promise<void> {
  await setPolicy(world, policyText({ bob: [signer('bob')] }, byDefault('nothing', 'nothing', 'self')))
}

/** Builds an expression with a post-build hook that fails; returns its paths. */
async function leave(world: World, expression: string) {
  const made = await instantiate(world, expression)
  const { status, stderr } = await nixBuild(world, '--option post-build-hook /bin/false')
  assert.notEqual(status, 0)
  assert.equal(await isValid(world, made.out), true, stderr)
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
      const large = ['large-1', 'large-2'].map(name => nix.derivation(name, { build: LARGE }))
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

  test(`${version}: attack: whoever collects garbage and never reads keeps nobody waiting`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withLateVictims(world)
      await world.startDaemon()
      await collectWithoutReading(world)
      for (const name of ['victim', 'meanwhile']) world.write(`/srv/${name}.nix`, nix.derivation(name))
      const build = (name: string, user: User) =>
        world.run(`nix-build --no-out-link /srv/${name}.nix`, { user })
      const refused = build('victim', 'alice')
      const start = Date.now()
      const { status, stderr } = await build('meanwhile', 'mallory')
      assert.equal(status, 0, stderr)
      assert.ok(Date.now() - start < 8000, `${Date.now() - start} ms`)
      assert.notEqual((await refused).status, 0)
      // It left the store although garbage is still being collected.
      const taken = await quarantined(world)
      assert.equal(taken.length, 1)
      for (const { path } of taken) assert.equal(await isValid(world, path), false)
    }))
}
