// A lock pins what people signed: real Nix evaluates whatever has the NAR hash, and nixsig refuses
// what is not the files of a signed commit.
import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { testRepository } from '../support/git.ts'
import { commitFiles, lockWorld, sriOf } from '../support/lock-world.ts'
import { setPolicy } from '../support/trust.ts'
import { EVERY_VERSION, type World, withWorld } from '../support/world.ts'

const people = lockWorld()
after(() => people.remove())

const VERIFY = '/opt/nixsig/nixsig lock verify /srv/project'
const NIX = { 'experimental-features': 'nix-command flakes' }

const LIB = (value: string) => `{ outputs = _: { value = "${value}"; }; }\n`
const PROJECT = `{
  inputs.lib.url = "git+file:///srv/lib";
  outputs = { lib, ... }: { value = lib.value; };
}
`

let serial = 0

/**
 * A repository outside of the world, of which the world has a copy in /srv: git does not work in a
 * directory of another mount namespace.
 */
function copied(world: World, name: string) {
  const settings = { 'gpg.format': 'ssh', 'user.signingKey': join(people.dir, 'alice') }
  const repository = testRepository(join(people.dir, `${name}-${serial++}`), settings)
  const copy = () => {
    const place = `${world.path('/srv')}/${name}`
    rmSync(place, { recursive: true, force: true })
    cpSync(repository.directory, place, { recursive: true, verbatimSymlinks: true })
  }
  return {
    commit: (files: Readonly<Record<string, string>>, signed = true): string => {
      const commit = commitFiles(repository, files, signed)
      copy()
      return commit
    },
    git: (...args: readonly string[]): void => {
      repository.git(...args)
      copy()
    },
  }
}

/** A library, and a flake that uses it and is locked by this world's Nix; alice signed both. */
async function project(world: World) {
  const [lib, flake] = [copied(world, 'lib'), copied(world, 'project')]
  lib.commit({ 'flake.nix': LIB('honest'), 'with/another': 'file\n' })
  flake.commit({ 'flake.nix': PROJECT })
  await world.output('cd /srv/project && nix flake lock')
  flake.commit({ 'flake.lock': world.read('/srv/project/flake.lock') })
  const rules = (require: string) => `[[inputs]]\nurl = "file:///srv/*"\nrequire = "${require}"\n`
  await setPolicy(world, people.policyText(rules('alice')))
  return { lib, flake, requireTwo: () => setPolicy(world, people.policyText(rules('two'))) }
}

/** Nothing that an earlier evaluation left decides what a flake is. */
function evaluate(world: World): Promise<string> {
  return world.output('rm -rf ~/.cache/nix && nix eval --raw /srv/project#value')
}

for (const version of EVERY_VERSION) {
  test(`${version}: a changed NAR hash brings in another tree under the honest commit, and is refused`, () =>
    withWorld(version, { nixConf: NIX }, async world => {
      const { lib, flake, requireTwo } = await project(world)
      assert.equal(await evaluate(world), 'honest')
      const passed = await world.run(VERIFY)
      assert.equal(passed.status, 0, passed.stdout + passed.stderr)

      const honest = world.read('/srv/project/flake.lock')
      world.write('/srv/source/flake.nix', LIB('evil'))
      await world.output('nix-store --add /srv/source')
      const { narHash } = JSON.parse(honest).nodes.lib.locked
      const changed = honest.replace(narHash, sriOf(world.path('/srv/source')))
      flake.commit({ 'flake.lock': changed })
      assert.equal(await evaluate(world), 'evil')
      const refused = await world.run(VERIFY)
      assert.equal(refused.status, 13, refused.stdout + refused.stderr)
      assert.match(
        refused.stdout,
        /flake\.lock:\d+: inputs\.lib \(file:\/\/\/srv\/lib\): the lock has sha256-/,
      )
      assert.ok(refused.stdout.includes(narHash), refused.stdout)

      flake.commit({ 'flake.lock': honest })
      await requireTwo()
      const one = await world.run(VERIFY)
      assert.equal(one.status, 12, one.stdout + one.stderr)
      for (const { git } of [lib, flake]) {
        git('-c', `user.signingKey=${join(people.dir, 'bob')}`, 'tag', '-s', 'reviewed', '-m', 'bob')
      }
      const two = await world.run(`${VERIFY} --json`)
      assert.equal(two.status, 0, two.stdout + two.stderr)
      const signers = two.stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).signers)
      assert.deepEqual(
        signers.map(each => each.map(({ principal }: { principal: string }) => principal)),
        [
          ['alice', 'bob'],
          ['alice', 'bob'],
        ],
      )
      assert.equal(await evaluate(world), 'honest')
    }))

  test(`${version}: what lock update writes is a lock that Nix takes as its own`, () =>
    withWorld(version, { nixConf: NIX }, async world => {
      const { lib, flake } = await project(world)
      const signed = lib.commit({
        'flake.nix': LIB('newer'),
        '.gitattributes': 'with export-ignore\n*.txt text eol=crlf\n',
        'a.txt': 'a\nb\n',
      })
      lib.commit({ 'flake.nix': LIB('unsigned') }, false)
      const updated = await world.run('/opt/nixsig/nixsig lock update lib /srv/project')
      assert.equal(updated.status, 0, updated.stdout + updated.stderr)
      assert.match(updated.stdout, new RegExp(`moved lib: [0-9a-f]{40} -> ${signed}\\n  signed by alice`))
      const written = world.read('/srv/project/flake.lock')
      flake.commit({ 'flake.lock': written })
      assert.equal(await evaluate(world), 'newer')
      await world.output('cd /srv/project && nix flake lock')
      assert.equal(world.read('/srv/project/flake.lock'), written)
      const verified = await world.run(VERIFY)
      assert.equal(verified.status, 0, verified.stdout + verified.stderr)

      // What Nix itself would have written for this commit.
      lib.git('reset', '-q', '--hard', signed)
      await world.output('cd /srv/project && rm flake.lock && nix flake lock')
      const { lib: byNix } = JSON.parse(world.read('/srv/project/flake.lock')).nodes
      const { lib: ours } = JSON.parse(written).nodes
      assert.deepEqual(ours.locked, byNix.locked)
    }))

  test(`${version}: lock update takes over what the new commit locks, as Nix does`, () =>
    withWorld(version, { nixConf: NIX }, async world => {
      const [deep, lib, flake] = [copied(world, 'deep'), copied(world, 'lib'), copied(world, 'project')]
      const lockIn = async (name: string, repository: typeof lib) => {
        await world.output(`cd /srv/${name} && nix flake lock`)
        return repository.commit({ 'flake.lock': world.read(`/srv/${name}/flake.lock`) })
      }
      const libWith = (inputs: string) =>
        `{ ${inputs} outputs = { shared, ... }: { value = "lib of ${'$'}{shared.value}"; }; }\n`
      const shared = 'inputs.shared.url = "git+file:///srv/deep";'
      deep.commit({ 'flake.nix': LIB('deep') })
      lib.commit({ 'flake.nix': libWith(shared) })
      await lockIn('lib', lib)
      flake.commit({
        'flake.nix': PROJECT.replace(
          '\n  outputs',
          '\n  inputs.deep.url = "git+file:///srv/deep";\n  inputs.lib.inputs.shared.follows = "deep";\n  outputs',
        ),
      })
      await lockIn('project', flake)
      const rules = '[[inputs]]\nurl = "file:///srv/*"\nrequire = "alice"\n'
      await setPolicy(world, people.policyText(rules))

      lib.commit({ 'flake.nix': libWith(`${shared} inputs.deep.url = "git+file:///srv/deep";`) })
      await lockIn('lib', lib)
      const updated = await world.run('/opt/nixsig/nixsig lock update lib /srv/project')
      assert.equal(updated.status, 0, updated.stdout + updated.stderr)
      const written = world.read('/srv/project/flake.lock')
      assert.equal(await evaluate(world), 'lib of deep')
      await world.output('cd /srv/project && nix flake lock')
      assert.equal(world.read('/srv/project/flake.lock'), written)
      await world.output('cd /srv/project && rm flake.lock && nix flake lock')
      assert.equal(world.read('/srv/project/flake.lock'), written)
    }))
}
