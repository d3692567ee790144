/**
 * The stand-in for nixpkgs held against what nixpkgs does: each case of test/nixpkgs/cases was seen to hold there. With
 * NIXPKGS=/path/to/nixpkgs the cases are tried on that, which shows whether it still does. And every Nix file of the
 * checkout parses.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { placeCheckout } from '../support/checkout.ts'
import { BUILDS_HERE, build, CHECKOUT, evaluate, evaluationError } from '../support/nixos.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const CASES = 'test/nixpkgs/cases'

/** A real NixOS wants more of a system than these have, and programs of its own. */
const NEEDS_BUILDS = { skip: process.env['NIXPKGS'] !== undefined && 'NIXPKGS is set' }

/** Files of cases; tools.nix is what they have in common. */
const FILES = readdirSync(join(PROJECT_ROOT, CASES)).filter(file => file !== 'tools.nix')

/** A case by its title: a value, or what is said in place of one (a regular expression). */
type Cases = Readonly<Record<string, { readonly expected: unknown } | { readonly says: string }>>

/** An expression about a system of NixOS that has nothing but these settings. */
function systemOf(nixpkgs: string, settings: string): string {
  return `(import ${nixpkgs}/nixos/lib/eval-config.nix { modules = [ { ${settings} } ]; }).config`
}

/** Settings of Nix with which its nix.conf is not built, and why. */
const COMPLAINTS: readonly (readonly [settings: string, said: RegExp])[] = [
  ['nix.settings.no-such-setting = true;', /unknown setting 'no-such-setting'/],
  ['nix.extraOptions = "no-such-setting = true";', /unknown setting 'no-such-setting'/],
  ['nix.settings.cores = "many";', /A definition for option `nix\.settings\.cores'/],
  ['nix.settings.keep-outputs = "perhaps";', /keep-outputs/],
  ['nix.settings.plugin-files = [ "/srv/no-such.so" ];', /no-such\.so/],
]

/** An expression about the cases of one file. */
function about(nixpkgs: string, file: string, expression: string): string {
  const lib = `lib = import ${nixpkgs}/lib;`
  return `let ${lib} cases = import ${CHECKOUT}/${CASES}/${file} { inherit lib; nixpkgs = ${nixpkgs}; }; in ${expression}`
}

/** What the cases of a file expect, and the values of all that have one: two runs for all of them. */
async function look(world: World, nixpkgs: string, file: string): Promise<readonly [Cases, Cases]> {
  const cases = await evaluate(
    world,
    about(nixpkgs, file, 'builtins.mapAttrs (_: case: removeAttrs case [ "expr" ]) cases'),
  )
  const valued = 'lib.filterAttrs (_: case: case ? expected) cases'
  const values = await evaluate(
    world,
    about(nixpkgs, file, `builtins.mapAttrs (_: { expr, ... }: { expected = expr; }) (${valued})`),
  )
  return [cases as Cases, values as Cases]
}

for (const version of VERSIONS) {
  test(`${version}: what stands in for nixpkgs does as nixpkgs does`, { timeout: 600_000 }, async context => {
    await withWorld(version, { hooks: false }, async world => {
      const nixpkgs = placeCheckout(world)
      for (const file of FILES) {
        const [cases, values] = await look(world, nixpkgs, file)
        for (const [title, expectation] of Object.entries(cases)) {
          await context.test(`${file}: ${title}`, async () => {
            if ('expected' in expectation) return assert.deepEqual(values[title], expectation)
            const expression = about(nixpkgs, file, `cases.\${${JSON.stringify(title)}}.expr`)
            assert.match(await evaluationError(world, expression), new RegExp(expectation.says, 's'))
          })
        }
      }
    })
  })

  test(`${version}: every Nix file parses`, () =>
    withWorld(version, { hooks: false }, async world => {
      placeCheckout(world)
      const files = (await world.output(`find ${CHECKOUT} -name '*.nix' -type f`)).split('\n')
      assert.ok(files.length > 40, `${files.length} files`)
      const { status, stderr } = await world.run(['nix-instantiate', '--parse', ...files])
      assert.equal(status, 0, stderr)
    }))

  test(`${version}: no system is built whose nix.conf Nix complains of`, NEEDS_BUILDS, () =>
    withWorld(version, { hooks: false, nixConf: BUILDS_HERE }, async world => {
      const nixpkgs = placeCheckout(world)
      const conf = 'environment.etc."nix/nix.conf".source'
      const { status, stdout, stderr } = await build(world, `${systemOf(nixpkgs, '')}.${conf}`)
      assert.equal(status, 0, stderr)
      assert.match(world.read(stdout.trim()), /^sandbox-fallback = false$/m)
      for (const [settings, said] of COMPLAINTS) {
        const complaint = await build(world, `${systemOf(nixpkgs, settings)}.${conf}`)
        assert.notEqual(complaint.status, 0, settings)
        assert.match(complaint.stderr, said)
      }
    }),
  )

  test(`${version}: warnings are told whenever a system is evaluated`, NEEDS_BUILDS, () =>
    withWorld(version, { hooks: false }, async world => {
      const system = systemOf(placeCheckout(world), 'warnings = [ "Take care." ];')
      world.write('/srv/warned.nix', `${system}.system.build.toplevel.drvPath`)
      const { status, stderr } = await world.run('nix-instantiate --eval /srv/warned.nix')
      assert.equal(status, 0, stderr)
      assert.match(stderr, /warning: Take care\./)
    }),
  )
}
