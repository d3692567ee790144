// The tests for virtual machines, run without one: a machine with systemd is switched to the system
// that each test describes, and the test's script is run there. Needs Python, in which these
// scripts are written.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BUILDS_THERE, bringCheckout, build, CHECKOUT, DIST_PACKAGE, MACHINE_CONF } from '../support/nixos.ts'
import { NEWEST, type World, withMachine } from '../support/world.ts'

const DRIVER = join(PROJECT_ROOT, 'test/support/vm-driver.py')
const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0

/** Files of nix/checks that are no test in a virtual machine. */
const OTHERS = ['default.nix', 'harness.nix', 'keys.nix', 'module.nix', 'source.nix', 'vm.nix']
const NAMES = readdirSync(join(PROJECT_ROOT, 'nix/checks'))
  .filter(file => !OTHERS.includes(file))
  .map(file => file.replace(/\.nix$/, ''))

/**
 * The system and the script of a test, with dist/ as the package of nixsig and what a build needs
 * in this machine.
 */
function expression(name: string): string {
  return `let
    pkgs = import ${CHECKOUT}/test/nixpkgs { };
    package = ${DIST_PACKAGE};
    runNixOSTest = test: pkgs.testers.runNixOSTest (test // {
      nodes.machine.imports = test.nodes.machine.imports ++ [ (${BUILDS_THERE}) ];
    });
    harness = import ${CHECKOUT}/nix/checks/harness.nix {
      pkgs = pkgs // { callPackage = _: _: package; testers = { inherit runNixOSTest; }; };
    };
    test = import ${CHECKOUT}/nix/checks/${name}.nix harness;
  in
  [ test.nodes.machine.system.build.toplevel (pkgs.writeText "script" test.config.testScriptString) ]`
}

/** Runs a script on a machine; all that it said, and its status. */
async function runScript(world: World, script: string): Promise<{ status: number | null; said: string }> {
  const child = spawn('python3', [DRIVER, script, ...world.enter([])], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => (said += text))
  const status = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { status, said }
}

for (const version of NEWEST) {
  for (const name of NAMES) {
    test(`${version}: ${name}`, { skip: HAS_PYTHON ? false : 'there is no Python here' }, () =>
      withMachine(version, async world => {
        bringCheckout(world)
        world.write('/etc/nix/nix.conf', MACHINE_CONF)
        const built = await build(world, expression(name))
        assert.equal(built.status, 0, built.stderr)
        const [system = '', script = ''] = built.stdout.trim().split('\n')
        // A virtual machine boots into it: nobody asks whether to switch, nor minds a unit that
        // does not start.
        await world.run(`NIXOS_NO_CHECK=1 ${system}/bin/switch-to-configuration switch`)
        assert.equal(await world.output('readlink /run/current-system'), system)
        const { status, said } = await runScript(world, world.path(script))
        assert.equal(status, 0, said)
      }),
    )
  }
}
