// Builds of every shape that Nix has: many at once, unusual names, several outputs, and kinds that
// cannot be judged.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import {
  assertBuilt,
  assertClean,
  assertQuarantined,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  isValid,
  nixBuild,
  quarantined,
} from '../support/scene.ts'
import {
  ATTESTATIONS,
  byDefault,
  conflict,
  contentsOf,
  packaged,
  publish,
  withAlice,
} from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const EXPECTED = 'ls /var/lib/nixsig/expected'

/** The output paths of a list of derivations, by name. */
async function pathsOf(world: World, expression: string): Promise<ReadonlyMap<string, string>> {
  world.write('/srv/x.nix', expression)
  const drvs = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
  const outs = (await world.output('xargs nix-store -q --outputs', { input: drvs })).split('\n')
  return new Map(outs.map(path => [path.slice('/nix/store/'.length + 33), path]))
}

/** Removes all of alice's attestations, and withdraws the conflicts that this machine remembers. */
async function takeBack(world: World): Promise<void> {
  const nixsig = '/opt/nixsig/nixsig'
  await world.output(`rm -r ${ATTESTATIONS}/*`)
  await world.output(
    `${nixsig} conflicts list | grep -o '^/nix/store/.*' | xargs -rd '\\n' -n 1 ${nixsig} conflicts withdraw`,
  )
}

/**
 * Asserts that each of these paths that is valid was admitted, and that none of the refused ones is
 * valid. Some of the refused ones must be in quarantine.
 */
async function assertAllJudged(
  world: World,
  paths: readonly string[],
  refused: readonly string[],
): Promise<void> {
  const invalid = await world.output(['nix-store', '--check-validity', '--print-invalid', ...paths])
  for (const path of paths) {
    const isUsable = !invalid.split('\n').includes(path)
    assert.equal(isUsable && (refused.includes(path) || !isInLedger(world, path)), false, path)
    if (refused.length === 0) assert.equal(isUsable, true, path)
  }
  if (refused.length > 0) {
    const entries = await quarantined(world)
    assert.notEqual(entries.length, 0)
    for (const { path, reason } of entries) {
      assert.equal(refused.includes(path), true, path)
      assert.match(reason, /builders disagree: alice attested other contents/)
    }
  }
  await assertClean(world)
}

for (const version of VERSIONS) {
  test(`${version}: twenty-four builds at once`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      const paths = await pathsOf(world, nix.all(nix.independent('p', 24)))
      await assertBuilt(world, '-j 24')
      for (const path of paths.values()) assert.equal(isInLedger(world, path), true, path)
      assert.equal(await world.output(EXPECTED), '')
    }))

  test(`${version}: twenty-four builds at once, three of which are refused: none is used, however the others fare`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const paths = await pathsOf(world, nix.all(nix.independent('p', 24)))
      const refused = [...paths.values()].filter((_, index) => index % 8 === 3)
      for (const path of refused) conflict(world, alice, path)
      // Nix ends the whole operation when a post-build hook fails, even with --keep-going. So one
      // run does not build everything.
      for (let round = 0; round < 2; round++) {
        assert.notEqual((await nixBuild(world, '-j 24 --keep-going')).status, 0)
        await assertAllJudged(world, [...paths.values()], refused)
      }
      await takeBack(world)
      await assertBuilt(world, '-j 24')
      await assertAllJudged(world, [...paths.values()], [])
      assert.equal(await world.output(EXPECTED), '')
    }))

  test(`${version}: four users of the daemon at once, some of whose builds are refused`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      await world.startDaemon()
      const all: string[] = []
      const refused: string[] = []
      const letters = ['a', 'b', 'c', 'd']
      for (const letter of letters) {
        const paths = [...(await pathsOf(world, nix.all(nix.independent(letter, 6)))).values()]
        await world.output(`mv /srv/x.nix /srv/${letter}.nix`)
        all.push(...paths)
        refused.push(...paths.slice(2, 4))
      }
      for (const path of refused) conflict(world, alice, path)
      const outcomes = await Promise.all(
        letters.map((letter, index) => {
          const user = index % 2 === 0 ? 'alice' : 'mallory'
          return world.run(`nix-build --no-out-link --keep-going /srv/${letter}.nix`, { user })
        }),
      )
      for (const { status } of outcomes) assert.notEqual(status, 0)
      await assertAllJudged(world, all, refused)
    }))

  test(`${version}: the same derivation built by two users at once`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      await world.startDaemon()
      const { out } = await instantiate(
        world,
        nix.derivation('slow', { build: 'sleep 0.3; echo slow > $out' }),
      )
      const both = await Promise.all([
        nixBuild(world, '', { user: 'alice' }),
        nixBuild(world, '', { user: 'mallory' }),
      ])
      assert.deepEqual(
        both.map(({ status }) => status),
        [0, 0],
      )
      assert.equal(isInLedger(world, out), true)
      assert.equal(await world.output(EXPECTED), '')
    }))

  test(`${version}: names that a careless reader could take for something else`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const all = nix.all(nix.ODD_NAMES.map(name => nix.derivation(name)))
      const paths = await pathsOf(world, all)
      assert.deepEqual([...paths.keys()].sort(), [...nix.ODD_NAMES].sort())
      for (const [name, path] of paths) {
        conflict(world, alice, path)
        await instantiate(world, nix.derivation(name))
        assert.notEqual((await nixBuild(world)).status, 0, name)
      }
      await assertQuarantined(world, [...paths.values()], { reason: /builders disagree/ })
      await takeBack(world)
      world.write('/srv/x.nix', all)
      await assertBuilt(world)
      for (const path of paths.values()) assert.equal(isInLedger(world, path), true, path)
    }))

  test(`${version}: a derivation of three hundred inputs`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      const names = Array.from({ length: 30 }, (_, index) => `o${index}`)
      const attributes = { outputs: `[ ${names.map(name => `"${name}"`).join(' ')} ]` }
      const build = names.map(name => `echo ${name} > $${name}`).join('; ')
      const inputs = Array.from({ length: 10 }, (_, index) =>
        nix.derivation(`i${index}`, { build, attributes }),
      )
      const { out } = await instantiate(
        world,
        nix.withInputs('many', [`(builtins.concatMap (d: d.all) [ ${inputs.join(' ')} ])`]),
      )
      await assertBuilt(world)
      assert.equal(world.read(out).trim().split(/\s/).length, 300)
      assert.equal(await world.output(EXPECTED), '')
    }))

  test(`${version}: all outputs of a build leave the store where one of them is refused`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const { outputs } = await instantiate(
        world,
        nix.derivation('many', {
          build: 'for o in $out $dev $doc; do echo $name > $o; done',
          attributes: { outputs: '[ "out" "dev" "doc" ]' },
        }),
      )
      conflict(world, alice, outputs['dev'] ?? '')
      for (const times of [1, 2]) {
        assert.notEqual((await nixBuild(world)).status, 0)
        const reason = /refused \S*-many-dev \(output\).*\n.*builders disagree: alice/
        await assertQuarantined(world, Object.values(outputs), { reason, times })
      }
    }))

  test(`${version}: an output that refers to itself and to its inputs is quarantined and forgotten`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world)
      const build =
        'mkdir -p $out/a; echo $out $inputs > $out/a/b; ln -s $out/a $out/link; chmod 444 $out/a/b'
      const { out } = await instantiate(
        world,
        nix.derivation('self', { build, inputs: [nix.derivation('below')] }),
      )
      conflict(world, alice, out)
      assert.notEqual((await nixBuild(world)).status, 0)
      await assertQuarantined(world, [out], { reason: /builders disagree: alice/ })
      const [entry] = await quarantined(world)
      assert.deepEqual(entry?.references.map(path => path.slice('/nix/store/'.length + 33)).sort(), [
        'below',
        'self',
      ])
    }))

  test(`${version}: a build that is checked by building it again`, () =>
    withWorld(version, {}, async world => {
      await withAlice(world)
      const { out } = await instantiate(world, nix.derivation('plain'))
      await assertBuilt(world)
      await assertBuilt(world, '--check')
      assert.equal(isInLedger(world, out), true)
      assert.equal(await isValid(world, out), true)
      assert.equal(await world.output(EXPECTED), '')

      await withAlice(world, byDefault('nothing', 'alice', 'self'))
      const refused = await nixBuild(world, '--check')
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /plain\.drv \(derivation\).*needs alice for its derivation/)
    }))

  test(`${version}: structured attributes`, () =>
    withWorld(version, {}, async world => {
      const alice = await withAlice(world, byDefault('nothing', 'alice', 'self'))
      const build = `out=$(tr , '\\n' < /build/.attrs.json | grep -o '/nix/store/[0-9a-z]*-structured' | head -n 1)
        echo yes > $out`
      const { drv, out } = await instantiate(
        world,
        nix.derivation('structured', {
          build,
          attributes: {
            __structuredAttrs: 'true',
            text: '"\\"\\n\\\\"',
            deep: '{ a = [ 1 { b = null; } ]; }',
          },
        }),
      )
      await assertRefusedBeforeBuild(world, out, /needs alice for its derivation, found no signature/)
      publish(world, drv, packaged(alice, await contentsOf(world, drv)))
      await assertBuilt(world)
      assert.equal(isInLedger(world, out), true)
      await assertClean(world)
    }))
}
