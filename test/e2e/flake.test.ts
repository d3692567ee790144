// The flake and default.nix: all their outputs evaluate for both kinds of machine, and the lock
// file is what Nix would have written. Uses the stand-in for nixpkgs, or $NIXPKGS.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { exampleOf } from '../docs/markdown.ts'
import { MACHINE_IN_SANDBOX, placeCheckout } from '../support/checkout.ts'
import { CHECKOUT } from '../support/nixos.ts'
import { VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const SYSTEMS = ['aarch64-linux', 'x86_64-linux']
const ATTACKS = [
  'gate-down-at-boot',
  'lying-cache',
  'tampered-policy',
  'unadmitted-switch',
  'unsigned-source',
]
const VM_TESTS = ['happy-path', ...ATTACKS].map(name => `vm-${name}`)
const CHECKS = ['format', 'module', 'package', 'types', 'unit-tests', ...VM_TESTS].sort()
const DERIVATION = /^\/nix\/store\/[0-9a-z]{32}-[^/]+\.drv$/

interface Checkout {
  readonly world: World
  readonly nixpkgs: string
  /** The value of one of the flake's outputs, after a function was applied to it. */
  output(name: string, apply: string): Promise<unknown>
}

function withCheckout(version: Version, use: (checkout: Checkout) => Promise<void>): Promise<void> {
  return withWorld(version, { hooks: false, nixConf: MACHINE_IN_SANDBOX }, world => {
    const nixpkgs = placeCheckout(world)
    const flags = `--override-input nixpkgs path:${nixpkgs} --no-write-lock-file --offline --json`
    return use({
      world,
      nixpkgs,
      output: async (name, apply) =>
        JSON.parse(
          await world.output(
            `nix eval 'path:${CHECKOUT}#${name}' ${flags} --apply ${quoted(apply)} 2>/tmp/said || { cat /tmp/said; exit 1; }`,
          ),
        ),
    })
  })
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** The value of an expression that Nix evaluates without a flake. */
async function evaluate(world: World, expression: string): Promise<unknown> {
  world.write('/srv/x.nix', expression)
  return JSON.parse(await world.output('nix-instantiate --eval --strict --json /srv/x.nix 2>/dev/null'))
}

/** Of each system, of each attribute: what a function makes of it. */
const ofAll = (apply: string) => `builtins.mapAttrs (system: builtins.mapAttrs (name: ${apply}))`

function assertDerivations(value: unknown, names: readonly string[]): void {
  const bySystem = value as Readonly<Record<string, Readonly<Record<string, string>>>>
  assert.deepEqual(Object.keys(bySystem).sort(), SYSTEMS)
  for (const derivations of Object.values(bySystem)) {
    assert.deepEqual(Object.keys(derivations).sort(), names)
    for (const path of Object.values(derivations)) assert.match(path, DERIVATION)
  }
  const [first, second] = Object.values(bySystem).map(derivations => Object.values(derivations))
  assert.notDeepEqual(first, second, 'both systems have the same derivations')
}

/** The flake that docs/how-to/nixos.md shows, with what it names where this world has it. */
function machine(nixpkgs: string): string {
  return exampleOf('docs/how-to/nixos.md', 'Get the module', 'nix')
    .replace('github:NixOS/nixpkgs/nixos-unstable', `path:${nixpkgs}`)
    .replace('git+https://example.org/nixsig', `path:${CHECKOUT}`)
}

/** What is looked at of the system that it makes. */
const SEEN = `machine: {
  package = "\${machine.config.security.nixsig.package}";
  hook = machine.config.nix.settings.pre-build-hook;
  inherit (machine.config.nix.settings) sandbox;
  policy = machine.config.security.nixsig.policyFile.drvPath;
}`

/**
 * What Python says of a program that it cannot compile; empty if it can, undefined if there is no
 * Python.
 */
function pythonErrors(program: string): string | undefined {
  const compile = 'import sys; compile(sys.stdin.read(), "testScript", "exec")'
  const done = spawnSync('python3', ['-c', compile], { input: program, encoding: 'utf8' })
  return done.error === undefined ? done.stderr : undefined
}

for (const version of VERSIONS) {
  test(`${version}: the lock file is whole, and Nix would change nothing in it`, () =>
    withCheckout(version, async ({ world }) => {
      const before = world.read(`${CHECKOUT}/flake.lock`)
      const said = await world.output(
        `unshare --net nix flake metadata path:${CHECKOUT} --no-update-lock-file --json 2>/dev/null`,
      )
      const { locks } = JSON.parse(said)
      assert.deepEqual(locks, JSON.parse(before))
      assert.equal(locks.nodes.nixpkgs.locked.rev, '331800de5053fcebacf6813adb5db9c9dca22a0c')
      await world.output(`unshare --net nix flake lock path:${CHECKOUT}`)
      assert.equal(world.read(`${CHECKOUT}/flake.lock`), before)
    }))

  test(`${version}: nix flake check finds nothing wrong with any output`, () =>
    withCheckout(version, async ({ world, nixpkgs }) => {
      const all = version === 'bookworm' ? '' : '--all-systems'
      const { status, stderr } = await world.run(
        `nix flake check path:${CHECKOUT} --no-build ${all} --override-input nixpkgs path:${nixpkgs} --no-write-lock-file`,
      )
      assert.equal(status, 0, stderr)
      // Nix 2.8 knows no output of this name, which later versions have.
      const unknown = [...stderr.matchAll(/unknown flake output '(.*)'/g)].map(([, name]) => name)
      assert.deepEqual(unknown, version === 'bookworm' ? ['lib'] : [])
      assert.doesNotMatch(stderr, /deprecated/)
    }))

  test(`${version}: every package, check, shell and app is a derivation on both systems`, () =>
    withCheckout(version, async ({ output }) => {
      const drvPath = ofAll('value: value.drvPath')
      assertDerivations(await output('packages', drvPath), ['default', 'nixsig'])
      assertDerivations(await output('devShells', drvPath), ['default'])
      assertDerivations(await output('checks', drvPath), CHECKS)
      const formatters = 'builtins.mapAttrs (system: value: { formatter = value.drvPath; })'
      assertDerivations(await output('formatter', formatters), ['formatter'])
      const apps = (await output('apps', ofAll('app: app.program'))) as Record<string, Record<string, string>>
      for (const system of SYSTEMS) {
        assert.match(apps[system]?.['default'] ?? '', /^\/nix\/store\/[^/]+\/bin\/nixsig$/)
        assert.match(apps[system]?.['demo'] ?? '', /^\/nix\/store\/[^/]+\/bin\/nixsig-demo$/)
      }
    }))

  test(`${version}: default.nix, the overlay and the flake have one and the same package`, () =>
    withCheckout(version, async ({ world, nixpkgs, output }) => {
      const system = 'x86_64-linux'
      const plain = await evaluate(
        world,
        `let
          pkgs = import ${nixpkgs} { system = "${system}"; };
          nixsig = import ${CHECKOUT} { inherit pkgs; };
          overlaid = import ${nixpkgs} { system = "${system}"; overlays = [ nixsig.overlay ]; };
        in [ nixsig.nixsig.drvPath overlaid.nixsig.drvPath (builtins.attrNames nixsig.lib) (toString nixsig.module) ]`,
      )
      const drvPath = await output(`packages.${system}.default`, 'package: package.drvPath')
      const functions = ['fetchSigned', 'withSignature']
      assert.deepEqual(plain, [drvPath, drvPath, functions, `${CHECKOUT}/nix/module.nix`])
      assert.deepEqual(await output('lib', 'builtins.attrNames'), functions)
      assert.deepEqual(await output('overlays', 'builtins.attrNames'), ['default'])
    }))

  test(`${version}: a system in somebody's own flake takes nixosModules.default`, () =>
    withCheckout(version, async ({ world, nixpkgs }) => {
      world.write('/srv/machine/flake.nix', machine(nixpkgs))
      world.write('/srv/machine/configuration.nix', '{ security.nixsig.enable = true; }')
      const said = await world.output(
        `nix eval path:/srv/machine#nixosConfigurations.machine --apply ${quoted(SEEN)} --json --offline --no-write-lock-file 2>/tmp/said || { cat /tmp/said; exit 1; }`,
      )
      const { package: programs, hook, sandbox, policy } = JSON.parse(said)
      assert.equal(hook, `${programs}/libexec/nixsig/native/pre-build-hook`)
      assert.equal(sandbox, true)
      assert.match(policy, DERIVATION)
    }))

  test(`${version}: the script of each test in a virtual machine is a Python program`, context =>
    withCheckout(version, async ({ output }) => {
      for (const name of VM_TESTS) {
        const script = 'test: test.config.testScriptString'
        const program = (await output(`checks.x86_64-linux.${name}`, script)) as string
        assert.match(program, /^machine\.wait_for_unit\("nixsig-keys\.service"\)/)
        const errors = pythonErrors(program)
        if (errors === undefined) return context.skip('there is no Python here')
        assert.equal(errors, '', name)
      }
    }))
}

// The stand-in takes node and npm from the machine, and sid's root has no npm.
test('bookworm: nix run .#demo says what it needs, where that is not', () =>
  withCheckout('bookworm', async ({ world, nixpkgs }) => {
    const { status, stderr } = await world.run(
      `nix run path:${CHECKOUT}#demo --override-input nixpkgs path:${nixpkgs} --no-write-lock-file --offline`,
    )
    assert.equal(status, 2, stderr)
    assert.match(stderr, /run it as root, on Debian, in a checkout of nixsig\.\n$/)
  }))

test('a program that is not Python is told from one that is', context => {
  if (pythonErrors('') === undefined) return context.skip('there is no Python here')
  assert.equal(pythonErrors('machine.succeed("true")\n'), '')
  assert.match(pythonErrors('machine.succeed("true"\n') ?? '', /SyntaxError/)
})
