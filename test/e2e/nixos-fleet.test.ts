/** Two machines: the gate of a fleet, and a machine that gets its binaries from it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { withInputs } from '../support/expressions.ts'
import { freePort } from '../support/gate-process.ts'
import {
  ALICE,
  CACHE,
  ENFORCING,
  MALLORY,
  type Machine,
  offer,
  tarball,
  withUnswitched,
} from '../support/nixos-machine.ts'
import { signer } from '../support/trust.ts'
import { NEWEST } from '../support/world.ts'

const FLEET = signer('fleet')

const GATE = `${ENFORCING} gate.keyFile = "/run/secrets/gate-key";`

/** Trusts whom the gate trusts for what comes from caches, and alice for sources. */
const member = (port: number) => `
  mode = "enforce";
  without = [ "plugin" ];
  gate.fleet = { url = "http://127.0.0.1:${port}"; publicKeys = [ "${FLEET.publicKey}" ]; };
  principals.alice.keys = [ "${ALICE.publicKey}" ];
  principals.cache.keys = [ "${CACHE.publicKey}" ];
  groups.makers = { members = [ "cache" "self" ]; threshold = 1; };
  default = { require.source = "alice"; require.output = "makers"; acceptUnknownDerivation = true; };
`

/** A build that uses a store path. */
const upon = (path: string) => withInputs('upon', [`(builtins.storePath ${path})`])

/** Switches a machine whose system has no attestation, as its installer does. */
async function install(machine: Machine, settings: string): Promise<void> {
  const system = await machine.system(settings)
  const { status, stderr } = await machine.switchTo(system, { NIXOS_NO_CHECK: '1' })
  assert.equal(status, 0, stderr)
}

for (const version of NEWEST) {
  test(`${version}: a member of a fleet gets what the fleet's gate lets in, and judges what it builds`, async () => {
    const [gatePort, memberPort] = [await freePort(), await freePort()]
    await withUnswitched(version, gatePort, '', async gate => {
      const good = await offer(gate, 'good', CACHE)
      const foisted = await offer(gate, 'foisted', MALLORY)
      gate.world.write('/run/secrets/gate-key', `${printNixSecretKey(FLEET.key)}\n`, 0o400)
      const early = await gate.switchTo(await gate.system(GATE))
      assert.notEqual(early.status, 0)
      assert.match(
        early.stderr,
        /nothing on this machine was judged before.*ways out: switch with security\.nixsig\.mode = "warn" first/,
      )
      await install(gate, GATE)
      assert.equal(gate.world.read('/var/lib/nixsig/gate.pub').trim(), FLEET.publicKey)

      await withUnswitched(version, memberPort, '', async ({ world, ...machine }) => {
        await install({ world, ...machine }, member(gatePort))
        const got = await world.run(`nix-store --realise ${good}`, { user: 'alice' })
        assert.equal(got.status, 0, got.stderr)
        assert.equal(world.read(good), 'good\n')

        const refused = await world.run(`nix-store --realise ${foisted}`, { user: 'alice' })
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, /HTTP error 451[\s\S]*refused \S+-foisted \(output\)/)

        world.write('/srv/unsigned.tar', 'unsigned')
        const built = await machine.build(tarball('unsigned'))
        assert.notEqual(built.status, 0)
        assert.match(built.stderr, /refused \S+-unsigned\.tar \(local source\) .*needs alice for its source/)

        // What came from the gate is built upon: its maker's signature came with it.
        world.write('/srv/user.nix', upon(good))
        const own = await world.run('nix-build --no-out-link /srv/user.nix', { user: 'alice' })
        assert.equal(own.status, 0, own.stderr)
        assert.equal(await world.output('systemctl is-active nixsig.socket || true'), 'inactive')
      })
    })
  })
}
