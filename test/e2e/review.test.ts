// Ways around the hooks that an outside review tried, under real Nix: each is a path that nobody vouched for and that was
// nearly used, or somebody who nearly stopped all builds of others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  built,
  byDefault,
  contentsOf,
  policyText,
  publish,
  type Signer,
  setPolicy,
  signer,
} from '../support/trust.ts'
import { type Outcome, type RunOptions, VERSIONS, type World, withWorld } from '../support/world.ts'

const NO_HOOKS = '--option pre-build-hook "" --option post-build-hook ""'

interface Instantiated {
  readonly drv: string
  readonly out: string
}

async function instantiate(world: World, expression: string, user: RunOptions = {}): Promise<Instantiated> {
  world.write('/srv/x.nix', expression)
  const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null', user)
  return { drv, out: await world.output(`nix-store -q --outputs ${drv}`) }
}

function realise(world: World, drv: string, options = ''): Promise<Outcome> {
  return world.run(`nix-store --realise ${options} ${drv}`)
}

async function realised(world: World, drv: string, options = ''): Promise<void> {
  await world.output(`nix-store --realise ${options} ${drv}`)
}

/** A world in which one builder's word, or one packager's, is needed for this and nothing for all else. */
async function withCarol(world: World, rest: string): Promise<Signer> {
  const carol = signer('carol')
  await setPolicy(world, policyText({ carol: [carol] }, rest))
  return carol
}

for (const version of VERSIONS) {
  test(`${version}: attack: a derivation that was a source of another build is not admitted as a derivation`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'carol', 'self'))
      const evil = nix.derivation('evil')
      const { drv } = await instantiate(world, evil)
      const attributes = { text: `builtins.unsafeDiscardOutputDependency ${evil}.drvPath` }
      const wrapper = await instantiate(world, nix.derivation('wrapper', { attributes }))
      assert.match((await realise(world, wrapper.drv)).stderr, /wrapper\.drv.*needs carol/s)
      const refused = await realise(world, drv)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /evil\.drv.*needs carol/s)
    }))

  test(`${version}: attack: an output from elsewhere that was a source of another build is not admitted as an output`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'carol'))
      const foreign = nix.derivation('foreign')
      const { drv, out } = await instantiate(world, foreign)
      await realised(world, drv, NO_HOOKS)
      const attributes = { text: `builtins.storePath "${out}"` }
      const wrapper = await instantiate(world, nix.derivation('wrapper', { attributes }))
      const asSource = await realise(world, wrapper.drv)
      assert.match(asSource.stderr, /-foreign .*needs carol/s)
      const user = await instantiate(world, nix.withInputs('user', [foreign]))
      const asOutput = await realise(world, user.drv)
      assert.match(asOutput.stderr, /-foreign .*needs carol/s)
    }))

  test(`${version}: attack: what a signed output from elsewhere refers to needs signatures too`, () =>
    withWorld(version, {}, async world => {
      const carol = await withCarol(world, byDefault('nothing', 'nothing', 'carol'))
      const library = nix.derivation('library')
      const program = nix.withInputs('program', [library])
      const { drv, out } = await instantiate(world, program)
      await realised(world, drv, NO_HOOKS)
      publish(world, out, built(carol, await contentsOf(world, out), drv))
      const user = await instantiate(world, nix.withInputs('user', [program]))
      const refused = await realise(world, user.drv)
      assert.match(refused.stderr, /-library .*needs carol/s)
      const [below] = (await world.output(`nix-store -q --references ${out}`)).split('\n')
      publish(world, below ?? '', built(carol, await contentsOf(world, below ?? ''), drv))
      // The build passes its pre-build hook now; that carol did not make its own output is another matter.
      const passed = await world.run(['/opt/nixsig/pre-build-hook', user.drv])
      assert.equal(passed.status, 0, passed.stderr)
    }))

  test(`${version}: attack: a dependency that was exchanged under an output that came back as it was`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'self'))
      const library = nix.derivation('library')
      const program = nix.withInputs('program', [library])
      const { drv, out } = await instantiate(world, program)
      await realised(world, drv)
      const below = await world.output(`nix-store -q --references ${out}`)
      await world.output(`cp -a ${out} /srv/program && nix-store --delete ${out} ${below}`)
      await world.output(`echo evil > ${below} && cp -a /srv/program ${out}`)
      const lines = [below, '', '0', out, drv, '1', below]
      await world.output(['nix-store', '--register-validity', '--reregister'], {
        input: `${lines.join('\n')}\n`,
      })
      const user = await instantiate(world, nix.withInputs('user', [program]))
      const refused = await realise(world, user.drv)
      assert.notEqual(refused.status, 0, 'used an exchanged library')
      assert.match(refused.stderr, /-library /)
    }))
}
