// The flake and default.nix: all their outputs evaluate for both kinds of machine, and the lock
// file is what Nix would have written. Uses the stand-in for nixpkgs, or $NIXPKGS.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { blockOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
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
const VM_TESTS = ['happy-path', ...ATTACKS].sort()
const CHECKS = ['format', 'module', 'package', 'types', 'unit-tests']
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
const SHOWN = blockOf('docs/how-to/nixos.md', 'Get the module', 'nix')
const machine = (nixpkgs: string) => located(SHOWN.text, nixpkgs)

/** As much of flake-parts as the module for it uses: the checks that it makes on each system. */
const FLAKE_PARTS = (nixpkgs: string) => `let
  lib = import ${nixpkgs}/lib;
  machine = enable: import ${nixpkgs}/nixos/lib/eval-config.nix {
    system = "x86_64-linux";
    modules = [ ${CHECKOUT}/nix/module.nix { security.nixsig.enable = enable; } ];
  };
  parts = lib.evalModules {
    modules = [
      ${CHECKOUT}/nix/flake-parts.nix
      {
        options.flake = lib.mkOption { type = lib.types.unspecified; };
        options.perSystem = lib.mkOption { type = lib.types.unspecified; };
        config.flake.nixosConfigurations = { guarded = machine true; other = machine false; };
      }
    ];
  };
  checksOf = system: lib.mapAttrs (_: check: check.drvPath) (parts.config.perSystem { inherit system; }).checks;
in { x86_64 = checksOf "x86_64-linux"; aarch64 = checksOf "aarch64-linux"; }`

function located(flake: string, nixpkgs: string): string {
  return flake
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
      // Nix 2.8 knows no outputs of these names, which later versions do.
      const unknown = [...stderr.matchAll(/unknown flake output '(.*)'/g)].map(([, name]) => name).sort()
      assert.deepEqual(unknown, version === 'bookworm' ? ['flakeModules', 'lib'] : [])
      assert.doesNotMatch(stderr, /deprecated/)
    }))

  test(`${version}: every package, check, shell and app is a derivation on both systems`, () =>
    withCheckout(version, async ({ output }) => {
      const drvPath = ofAll('value: value.drvPath')
      assertDerivations(await output('packages', drvPath), ['default', 'nixsig'])
      assertDerivations(await output('devShells', drvPath), ['default'])
      assertDerivations(await output('checks', drvPath), CHECKS)
      assertDerivations(await output('hydraJobs.vm-tests', drvPath), VM_TESTS)
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
      markRun(SHOWN, version)
    }))

  test(`${version}: the template is a machine that warns, and its policy is one`, () =>
    withCheckout(version, async ({ world, nixpkgs, output }) => {
      assert.equal(await output('templates', 'builtins.attrNames').then(String), 'default')
      const path = await output('templates.default', 'template: toString template.path')
      const name = String(path).split('/nix/template')[0]
      assert.ok(name)
      const text = world.read(`${CHECKOUT}/nix/template/flake.nix`)
      world.write('/srv/template/flake.nix', located(text, nixpkgs))
      world.write('/srv/template/configuration.nix', world.read(`${CHECKOUT}/nix/template/configuration.nix`))
      const said = await world.output(
        `nix eval path:/srv/template#nixosConfigurations.machine.config.security.nixsig.mode --json --offline --no-write-lock-file 2>/tmp/said || { cat /tmp/said; exit 1; }`,
      )
      assert.equal(JSON.parse(said), 'warn')
    }))

  test(`${version}: with flake-parts each machine has its policy among the checks`, () =>
    withCheckout(version, async ({ world, nixpkgs }) => {
      const checks = await evaluate(world, FLAKE_PARTS(nixpkgs))
      const { x86_64, aarch64 } = checks as Record<string, Record<string, string>>
      assert.deepEqual(Object.keys(x86_64 ?? {}), ['nixsig-policy-guarded'])
      assert.match(x86_64?.['nixsig-policy-guarded'] ?? '', DERIVATION)
      assert.deepEqual(aarch64, {})
    }))

  test(`${version}: on another kind of machine the package says where it runs`, () =>
    withCheckout(version, async ({ world, nixpkgs }) => {
      world.write(
        '/srv/x.nix',
        `(import ${CHECKOUT} { pkgs = import ${nixpkgs} { system = "riscv64-linux"; }; }).nixsig.drvPath`,
      )
      const { status, stderr } = await world.run('nix-instantiate --eval /srv/x.nix')
      assert.notEqual(status, 0)
      assert.match(
        stderr,
        /nixsig does not run on riscv64-linux: it guards the store on x86_64-linux and aarch64-linux/,
      )
    }))

  test(`${version}: npm's packages are fetched one by one, by the hashes of the lock`, () =>
    withCheckout(version, async ({ world, nixpkgs }) => {
      const shown = await world.output(
        `nix-instantiate -E '(import ${CHECKOUT} { pkgs = import ${nixpkgs} { }; }).nixsig.nodeModules' 2>/dev/null | xargs nix-store --query --requisites | grep '[.]tgz[.]drv$' | xargs cat`,
      )
      const lock = JSON.parse(world.read(`${CHECKOUT}/package-lock.json`)) as {
        packages: Record<string, { integrity?: string }>
      }
      const hashes = Object.values(lock.packages).flatMap(({ integrity = '' }) =>
        integrity === '' ? [] : [Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')],
      )
      assert.ok(hashes.length > 50)
      for (const hash of hashes) assert.ok(shown.includes(hash), hash)
    }))

  test(`${version}: the script of each test in a virtual machine is a Python program`, context =>
    withCheckout(version, async ({ output }) => {
      for (const name of VM_TESTS) {
        const script = 'test: test.config.testScriptString'
        const program = (await output(`hydraJobs.vm-tests.x86_64-linux.${name}`, script)) as string
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

everyBlockWasRun('e2e/flake')
