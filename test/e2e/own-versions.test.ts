// takes: 1 minute
/**
 * docs/how-to/own-versions.md: nixsig's own package under a policy by which its derivation has to be
 * signed, the version that is there and the next one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { commandsOf, exampleOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import { MACHINE_IN_SANDBOX, placeCheckout, placeNodeModules } from '../support/checkout.ts'
import { CHECKOUT } from '../support/nixos.ts'
import { ATTESTATIONS, setPolicy, signer } from '../support/trust.ts'
import { withWorld } from '../support/world.ts'

const PAGE = 'docs/how-to/own-versions.md'
const SECTION = 'Each next version'
const MODULES = '/srv/node_modules'
const FILE = '/srv/nixsig-next.nix'

// Only this machine's root has a C compiler, and not that of sid.
test('nixsig is built under its own gate, as soon as its maintainer signed the version', () =>
  withWorld('bookworm', { nixConf: MACHINE_IN_SANDBOX }, async world => {
    const nixpkgs = placeCheckout(world)
    placeNodeModules(world, MODULES)
    const maintainer = signer('maintainer')
    world.write('/root/maintainer-1.secret', `${printNixSecretKey(maintainer.key)}\n`, 0o600)
    const policy = exampleOf(PAGE, SECTION, 'toml')
    await setPolicy(world, policy.replace(/"maintainer-1:[^"]*"/, `"${maintainer.publicKey}"`))
    // npm's packages as this checkout has them, in place of those that the lock would have fetched.
    world.write(
      FILE,
      `(import ${CHECKOUT} { pkgs = import ${nixpkgs} { }; }).nixsig.overrideAttrs {
        nodeModules = builtins.path { path = ${MODULES}; name = "nixsig-node-modules"; };
      }`,
    )
    const build = () => world.run(`nix-build --no-out-link ${FILE}`, { timeout: 300_000 })
    const sign = async () => {
      const [command] = commandsOf(PAGE, SECTION)
      assert.ok(command)
      await world.output(`export PATH=$PATH:/opt/nixsig; ${command.script}
        mkdir -p ${ATTESTATIONS}; /opt/nixsig/nixsig import published --out ${ATTESTATIONS}`)
      markRun(command, world.version)
    }
    for (const version of ['0.1.0', '0.1.1']) {
      const description = world.read(`${CHECKOUT}/package.json`)
      world.write(`${CHECKOUT}/package.json`, description.replace('"0.1.0"', `"${version}"`))
      const refused = await build()
      assert.notEqual(refused.status, 0)
      assert.match(
        refused.stderr,
        new RegExp(`-nixsig-${version}\\.drv \\(derivation\\)[\\s\\S]*needs maintainer as packager`),
      )
      await sign()
      const built = await build()
      assert.equal(built.status, 0, built.stderr)
      assert.equal(await world.output(`${built.stdout.trim()}/bin/nixsig --version`), version)
    }
  }))

everyBlockWasRun('e2e/own-versions')
