// A machine with nixsig as the module makes it, deployed to over a real sshd; and what runs there
// after a build.
// takes: 1 minute
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { OTHER } from '../support/copied-worlds.ts'
import { derivation } from '../support/expressions.ts'
import { ENFORCING, WORKSHOP, withSwitched } from '../support/nixos-machine.ts'
import { startSshd } from '../support/sshd.ts'
import { NEWEST } from '../support/world.ts'

const PROFILE = '/nix/var/nix/profiles/system'
const NEXT = `${ENFORCING}
  postBuildHook = "/srv/upload";
  acceptTrustedUsers = [ "deploy" ];
`

for (const version of NEWEST) {
  test(`${version}: a system is deployed to a machine that enforces, once the builder signed it`, () =>
    withSwitched(version, async machine => {
      const { world } = machine
      const { status, stderr } = await machine.switchTo(await machine.system(ENFORCING), {
        NIXOS_NO_CHECK: '1',
      })
      assert.equal(status, 0, stderr)
      const sshd = await startSshd(world)
      try {
        const next = await machine.elsewhere(NEXT)
        const env = {
          NIX_SSHOPTS: sshd.options,
          NIX_REMOTE: 'local?root=/srv/other',
          NIX_USER_CONF_FILES: '/dev/null',
        }
        const copy = () => world.run(`nix-copy-closure --to root@127.0.0.1 ${next}`, { env })
        const refused = await copy()
        assert.notEqual(refused.status, 0)
        assert.match(refused.stderr, /nixsig: refused \S+ \(output\)[^\n]*needs 1 of 3 makers for its output/)
        world.write('/root/workshop.key', `${printNixSecretKey(WORKSHOP.key)}\n`, 0o400)
        await world.output(`nix store sign ${OTHER} -r -k /root/workshop.key ${next}`)
        const copied = await copy()
        assert.equal(copied.status, 0, copied.stderr)
        await world.output(`${sshd.as('root')} nix-env -p ${PROFILE} --set ${next}`)
        const activate = () => world.run(`${sshd.as('root')} ${next}/bin/switch-to-configuration switch`)
        // What was there before, built in warn mode, was not copied, and neither were its signatures.
        const early = await activate()
        assert.notEqual(early.status, 0)
        assert.match(
          early.stderr,
          /refused \S+-nixsig \(output\)[^\n]*\n +needs 1 of 3 makers for its output, found no signature/,
        )
        await world.output(`nix store copy-sigs --recursive --substituter 'local?root=/srv/other' ${next}`)
        // The check before the switch finds the signatures in the database.
        const switched = await activate()
        assert.equal(switched.status, 0, switched.stderr)
        assert.match(world.read('/etc/nixsig/policy.toml'), /accept-trusted-users/)

        world.write('/srv/upload', '#!/bin/sh\necho "$OUT_PATHS $(id -u)" >>/srv/uploaded\n', 0o755)
        const built = await machine.build(derivation('for-all'))
        assert.equal(built.status, 0, built.stderr)
        assert.match(world.read('/srv/uploaded'), /^\/nix\/store\/\S+-for-all 0\n$/)
        assert.notEqual((await machine.build(derivation('for-workshop-only'))).status, 0)
        assert.doesNotMatch(world.read('/srv/uploaded'), /workshop/)

        const doctor = await world.run('/run/current-system/sw/bin/nixsig doctor')
        assert.match(
          doctor.stdout,
          /^warning +trusted-users: trusted-users has deploy, whom the policy accepts/m,
        )
      } finally {
        sshd.close()
      }
    }))
}
