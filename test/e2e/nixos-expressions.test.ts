// takes: 2 minutes
/**
 * A machine whose configuration has to be signed by two people: security.nixsig.expressions, from
 * the first switch on.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { committers, sourceRepository } from '../support/approvals.ts'
import { freePort } from '../support/gate-process.ts'
import { BUILDS_THERE, MACHINE_CONF } from '../support/nixos.ts'
import { VERSIONS, withMachine } from '../support/world.ts'

const people = committers()
after(() => people.remove())

const URL = 'https://git.example.org/box'
const FLAKE = '/etc/nixos'
const TOPLEVEL = 'nixosConfigurations.box.config.system.build.toplevel'
const FEATURES = `--extra-experimental-features 'nix-command flakes'`

const FLAKE_NIX = `{
  outputs = { self }: {
    nixosConfigurations.box = import ./test/nixpkgs/nixos/lib/eval-config.nix {
      system = "x86_64-linux";
      modules = [ ./nix/module.nix ./configuration.nix ./text.nix ];
    };
  };
}
`

/** As Nix writes it for a flake without inputs. */
const LOCK = `${JSON.stringify({ nodes: { root: {} }, root: 'root', version: 7 }, null, 2)}\n`

/** The stand-in for nixpkgs has no nixos-rebuild. This builds and switches, as it does. */
const NIXOS_REBUILD = `
  set -e
  flake=$3
  nix ${FEATURES} build --no-update-lock-file --out-link /root/next \\
    "\${flake%#*}#nixosConfigurations.\${flake#*#}.config.system.build.toplevel"
  [ "$1" = switch ] || exit 0
  exec /root/next/bin/switch-to-configuration "$1"
`

const configuration = (port: number, more = '') => `{ pkgs, ... }: {
  imports = [ (${BUILDS_THERE}) ];
  networking.hostName = "box";
  environment.systemPackages = [
    (pkgs.writeShellScriptBin "nixos-rebuild" ''${NIXOS_REBUILD.replaceAll('${', "''${")}'')
  ];
  security.nixsig = {
    enable = true;
    mode = "enforce";
    package = pkgs.runCommand "nixsig" { meta.mainProgram = "nixsig"; } ''
      mkdir -p $out/libexec $out/bin
      cp -r \${./dist} $out/libexec/nixsig
      ln -s ../libexec/nixsig/nixsig $out/bin/nixsig
    '';
    gate.listen = "127.0.0.1:${port}";
    gate.upstreams = [ ];
    principals.alice.keys = [ "${people.alice.key}" ];
    principals.bob.keys = [ "${people.bob.key}" ];
    ${more}
    groups.team = { members = [ "alice" "bob" ]; threshold = 2; };
    inputs = [ { url = "${URL}"; require.committer = "team"; } ];
    approvals.by = "self";
    expressions = { enable = true; url = "${URL}"; };
    default = { require.source = "nothing"; require.output = "nothing"; acceptUnknownDerivation = true; };
  };
}
`

const textOf = (text: string) => `{ environment.etc.said.text = "${text}"; }\n`

for (const version of VERSIONS) {
  test(`${version}: a machine that builds only a configuration that was signed`, {
    timeout: 600_000,
  }, async context => {
    await withMachine(version, async world => {
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)
      const source = sourceRepository(world, FLAKE)
      const port = await freePort()
      for (const part of ['nix', 'test/nixpkgs', 'package.json']) source.bring(join(PROJECT_ROOT, part), part)
      source.bringDist('dist')
      world.write('/etc/nix/nix.conf', MACHINE_CONF)
      source.commit(
        {
          'flake.nix': FLAKE_NIX,
          'flake.lock': LOCK,
          'configuration.nix': configuration(port),
          'text.nix': textOf('one'),
        },
        people.alice,
      )
      source.tag('one', people.bob)

      const path = `PATH=/run/current-system/sw/bin:$PATH`
      const verified = () => world.run(`${path} nixos-rebuild-verified --yes switch`)
      const plain = () => world.run(`${path} nixos-rebuild switch --flake ${FLAKE}#box`)
      const approveUnder = (system: string) =>
        world.output(
          `${system}/sw/bin/nixsig approve ${FLAKE}#${TOPLEVEL} --url ${URL} --here --yes --policy ${system}/etc/nixsig/policy.toml`,
        )
      const said = () => world.read('/etc/said')

      await step('the first switch is refused until the configuration was approved', async () => {
        await world.output(`nix build --out-link /root/result ${FLAKE}#${TOPLEVEL}`)
        const first = await world.run('/root/result/bin/switch-to-configuration switch')
        assert.notEqual(first.status, 0)
        assert.match(
          first.stderr,
          /nixos-system\.drv \(derivation\) under rule "the configuration of this machine"\n {2}needs this machine as approver/,
        )
        assert.match(first.stderr, /not switching to \S+-nixos-system/)
        await approveUnder('/root/result')
        const second = await world.run('/root/result/bin/switch-to-configuration switch')
        assert.equal(second.status, 0, second.stderr)
        assert.equal(said(), 'one')
      })

      await step('attack: an unsigned change is neither evaluated nor built', async () => {
        source.commit({ 'text.nix': textOf('two') })
        const { status, stdout, stderr } = await verified()
        assert.equal(status, 10, stderr)
        assert.match(stdout + stderr, /not-signed-enough|needs 2 of 2 team/)
        assert.doesNotMatch(stdout + stderr, /evaluated/)
        const other = await plain()
        assert.notEqual(other.status, 0)
        assert.match(
          other.stderr,
          /nixos-system\.drv \(derivation\) under rule "the configuration of this machine": needs this machine as approver/,
        )
        assert.equal(said(), 'one')
      })

      await step('two signatures later it is', async () => {
        source.amend(people.alice)
        source.tag('two', people.bob)
        const { status, stdout, stderr } = await verified()
        assert.equal(status, 0, stderr)
        assert.match(stdout, /signed by alice, bob/)
        assert.equal(said(), 'two')
      })

      await step('other people: approved under the new policy as well', async () => {
        const more = `principals.carol.keys = [ "carol-1:O3ItuQsCbN3SNFM/Qym9sUejO7mnh+qQNSVIVCf4Q4I=" ];`
        source.commit({ 'configuration.nix': configuration(port, more) }, people.alice)
        source.tag('three', people.bob)
        await world.output(`${path} nixos-rebuild-verified --yes build`)
        const early = await world.run('/root/next/bin/switch-to-configuration switch')
        assert.notEqual(early.status, 0)
        assert.match(early.stderr, /because of the above, by \/nix\/store\/\S+-policy\.toml/)
        await approveUnder('/root/next')
        const { status, stderr } = await world.run('/root/next/bin/switch-to-configuration switch')
        assert.equal(status, 0, stderr)
        assert.match(world.read('/etc/nixsig/policy.toml'), /carol/)
      })

      await step('attack: a change of the work tree that is not committed', async () => {
        world.write(`${FLAKE}/text.nix`, textOf('three'))
        const { status, stdout, stderr } = await verified()
        assert.notEqual(status, 0)
        assert.match(stdout + stderr, /dirty/)
        assert.notEqual((await plain()).status, 0)
        assert.equal(said(), 'two')
      })

      await step('attack: a system whose derivation is taken away is not switched to', async () => {
        const system = await world.output('readlink /run/current-system')
        const derivation = await world.output(`nix-store --query --deriver ${system}`)
        await world.output(`nix-store --delete --ignore-liveness ${derivation}`)
        const { status, stderr } = await world.run(`${system}/bin/switch-to-configuration switch`)
        assert.notEqual(status, 0)
        assert.match(stderr, /is not in this store, so nobody knows who approved it/)
      })
    })
  })
}
