// Ways around the hooks that an outside review tried, with real Nix. Each nearly got a path used
// that nobody vouched for, or nearly let one user stop the builds of all others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LEVEL } from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { textPath } from '../../src/formats/nix/make-store-path.ts'
import * as nix from '../support/expressions.ts'
import {
  built,
  byDefault,
  contentsOf,
  packaged,
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

/**
 * A world in which one builder's word, or one packager's, is needed for this and nothing for all
 * else.
 */
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
      const [below = ''] = (await world.output(`nix-store -q --references ${out}`)).split('\n')
      publish(world, below, built(carol, await contentsOf(world, below), `${below}.drv`))
      // All that it is built from is good now; that carol did not make its own output is another
      // matter.
      const own = await realise(world, user.drv)
      assert.doesNotMatch(own.stderr, /-library /)
      assert.match(own.stderr, /-user \(output\).*needs carol for its output, found no signature/s)
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

  test(`${version}: a hook whose judgement never comes refuses`, () =>
    withWorld(version, { resident: 'none' }, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'self'))
      const { drv } = await instantiate(world, nix.derivation('plain'))
      world.write('/opt/nixsig/judge.js', 'module.exports = { judge: () => new Promise(() => {}) }\n')
      assert.equal((await world.run(['/opt/nixsig/pre-build-hook', drv])).status, 1)
      const after = await world.run(['/opt/nixsig/post-build-hook'], { env: { DRV_PATH: drv } })
      assert.equal(after.status, 1)
    }))

  test(`${version}: a build whose output another hook took out of the store has failed`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'self'))
      const { drv } = await instantiate(world, nix.derivation('plain'))
      const after = await world.run(['/opt/nixsig/post-build-hook'], { env: { DRV_PATH: drv } })
      assert.equal(after.status, 1)
      assert.match(after.stderr, /-plain\.drv .*not in the store/s)
    }))

  test(`${version}: attack: whoever refers to an output that is being refused keeps neither it nor other builds`, () =>
    withWorld(version, {}, async world => {
      const rule = '[[rules]]\nmatch = { name = "victim", kind = "output" }\nrequire.output = "carol"\n'
      const carol = await withCarol(world, `${rule}${byDefault('nothing', 'nothing', 'self')}`)
      const { drv, out } = await instantiate(world, nix.derivation('victim'))
      publish(world, out, built(carol, { path: out, narHash: '0'.repeat(64) }, drv))
      world.write(
        '/srv/holder.nix',
        nix.derivation('holder', { attributes: { x: `builtins.storePath "${out}"` } }),
      )
      // As another user could, between Nix's registration of the output and the hook's verdict.
      const script =
        '#!/bin/sh\nnix-instantiate /srv/holder.nix >/srv/held 2>&1\nexec /opt/nixsig/post-build-hook\n'
      world.write('/opt/wrapped/post-build-hook', script, 0o755)
      const refused = await realise(world, drv, '--option post-build-hook /opt/wrapped/post-build-hook')
      assert.notEqual(refused.status, 0)
      assert.match(world.read('/srv/held'), /-holder\.drv/)
      assert.equal((await world.run(['nix-store', '--check-validity', out])).status, 1)
      assert.equal(world.exists(out), false)
      await realised(world, (await instantiate(world, nix.derivation('bystander'))).drv)
      assert.equal(await world.output('ls /var/lib/nixsig/quarantine/unfinished'), '')
      assert.doesNotMatch((await world.run('nix-store --verify --check-contents')).stderr, /disappeared/)
    }))

  test(`${version}: what came from elsewhere after its build had failed here stays where it is`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'self'))
      const library = nix.derivation('library', { build: 'echo library > $out; test -e /srv/flag' })
      const { drv, out } = await instantiate(world, library)
      assert.notEqual((await realise(world, drv)).status, 0)
      world.write(out, 'library\n')
      await world.output(['nix-store', '--register-validity'], { input: `${out}\n${drv}\n0\n` })
      await realised(world, (await instantiate(world, nix.derivation('bystander'))).drv)
      assert.equal(world.exists(out), true)
      assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
    }))

  test(`${version}: a valid output that was never judged and whose derivation is gone stops no other build`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'self'))
      const { drv } = await instantiate(world, nix.derivation('orphan'))
      await realised(world, drv, '--option post-build-hook ""')
      await world.output(`nix-store --option keep-derivations false --delete ${drv}`)
      await realised(world, (await instantiate(world, nix.derivation('bystander'))).drv)
    }))

  test(`${version}: an expectation that a loss of power emptied stops no build`, () =>
    withWorld(version, {}, async world => {
      await withCarol(world, byDefault('nothing', 'nothing', 'self'))
      const { drv, out } = await instantiate(world, nix.derivation('plain'))
      await world.output('mkdir -p /var/lib/nixsig/expected && chmod 700 /var/lib/nixsig/expected')
      world.write(`/var/lib/nixsig/expected/${'0'.repeat(32)}`, '', 0o600)
      await realised(world, drv)
      assert.equal(world.exists(out), true)
    }))

  test(`${version}: an output that was here before its build stays, refused or not, and is not attested as ours`, () =>
    withWorld(version, {}, async world => {
      const group = '[groups.builders]\nmembers = ["carol", "self"]\nthreshold = 1\n'
      const carol = await withCarol(world, `${group}${byDefault('nothing', 'nothing', 'builders')}`)
      const two = nix.derivation('two', {
        build: 'echo out > $out; echo lib > $lib',
        attributes: { outputs: '[ "out" "lib" ]' },
      })
      const { drv } = await instantiate(world, two)
      const lib = await world.output(`nix-store -q --binding lib ${drv}`)
      const out = await world.output(`nix-store -q --binding out ${drv}`)
      const user = await instantiate(world, nix.withInputs('user', [`${two}.lib`]))
      await realised(world, user.drv, NO_HOOKS)
      await world.output(`nix-store --delete ${out}`)
      await world.output(['nix-store', '--register-validity', '--reregister'], {
        input: `${lib}\n${drv}\n0\n`,
      })

      const refused = await realise(world, drv)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /-two-lib .*needs /s)
      assert.equal(world.exists(out), false)
      assert.equal(await world.output(`cat ${lib}`), 'lib')
      assert.doesNotMatch((await world.run('nix-store --verify')).stderr, /disappeared/)

      publish(world, lib, built(carol, await contentsOf(world, lib), drv, 'lib'))
      await realised(world, drv)
      assert.equal(attestedHere(world, out), true)
      assert.equal(attestedHere(world, lib), false)
    }))

  test(`${version}: attack: a derivation that only Nix can read hides no signed build graph`, () =>
    withWorld(version, {}, async world => {
      const carol = await withCarol(world, `${byDefault('carol', 'carol', 'self')}accept-graph = true\n`)
      const source = nix.toFile('source', 'contents\n')
      const { drv } = await instantiate(world, nix.withInputs('signed', [source]))
      publish(world, drv, packaged(carol, await contentsOf(world, drv), LEVEL.packagedGraph))
      const strange = await instantiate(world, nix.withInputs('strange', [source]))
      const text = world.read(strange.drv).replace(/(\("builder","[^"]*"\)),(\("inputs","[^"]*"\))/, '$2,$1')
      assert.notEqual(text, world.read(strange.drv))
      const [reference = ''] = /\/nix\/store\/[0-9a-z]{32}-source/.exec(text) ?? []
      const path = textPath('strange.drv', Buffer.from(text), [reference])
      world.write(path, text, 0o444)
      const lines = [path, '', '1', reference]
      await world.output(['nix-store', '--register-validity'], { input: `${lines.join('\n')}\n` })
      assert.match(await world.output(`nix-store -q --referrers ${reference}`), new RegExp(path))
      await realised(world, drv)
    }))
}

function attestedHere(world: World, path: string): boolean {
  const digest = path.slice('/nix/store/'.length, '/nix/store/'.length + 32)
  return world.exists(`/var/lib/nixsig/attestations/${digest.slice(0, 2)}/${digest}.intoto.jsonl`)
}
