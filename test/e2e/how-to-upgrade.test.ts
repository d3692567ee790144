// docs/how-to/upgrade.md, run as it is written on machines with systemd, with releases that a maker
// signed.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Commands, commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { maker, sharedRelease } from '../support/release.ts'
import { byDefault, POLICY, policyText } from '../support/trust.ts'
import { EVERY_VERSION, type World, withMachine } from '../support/world.ts'

const PAGE = 'docs/how-to/upgrade.md'
/** As on a machine of Debian's own, with what the worlds of these tests need. */
const CONF = 'sandbox-paths = /bin/sh=/bin/busybox /srv\nbuild-users-group =\nsubstituters =\n'
/** As in Debian's nix-setup-systemd. */
const DAEMON = `[Service]
ExecStart=@/usr/bin/nix-daemon nix-daemon --daemon
KillMode=process
`

const releases = { first: sharedRelease('0.1.0'), second: sharedRelease('0.2.0') }
/** The commands of a section, in the directory with a release. */
function commandsIn(directory: string, section: string): readonly Commands[] {
  return commandsOf(PAGE, section).map(each => ({
    ...each,
    script: `cd ${directory}\n${each.script.replace('ssh-ed25519 AAAA…', maker().publicKey)}`,
  }))
}

async function builds(world: World, name: string): Promise<void> {
  world.write('/srv/x.nix', nix.derivation(name))
  // The daemon may have been restarted a moment ago.
  await world.output('for i in $(seq 50); do nix-store --add /srv/x.nix && exit; sleep 0.1; done; exit 1', {
    user: 'alice',
  })
  await world.output('nix-build --no-out-link /srv/x.nix', { user: 'alice' })
}

for (const version of EVERY_VERSION) {
  test(`${version}: ${PAGE}`, { timeout: 300_000 }, () =>
    withMachine(version, async world => {
      world.write('/etc/nix/nix.conf', CONF)
      world.write('/etc/systemd/system/nix-daemon.service', DAEMON)
      await world.output('systemctl daemon-reload; systemctl start nix-daemon')
      for (const [name, { directory }] of Object.entries(releases))
        cpSync(directory, join(world.path('/srv'), name), { recursive: true })
      const inForce = () => world.output('nixsig --version 2>/dev/null')

      const [check, archive] = commandsIn('/srv/first', 'Install')
      assert.ok(check && archive)
      await runAll(world, [check, archive])
      assert.equal(await inForce(), '0.1.0')
      await world.output('nixsig setup --yes')
      world.write(POLICY, policyText({}, byDefault('nothing', 'nothing', 'self')))
      await builds(world, 'one')
      await runAll(world, commandsIn('/srv/second', 'Upgrade'))
      assert.equal(await inForce(), '0.2.0')
      await runAll(world, commandsIn('/srv', 'Roll back'))
      assert.equal(await inForce(), '0.1.0')
      await builds(world, 'two')

      await world.output('rm -rf /opt/nixsig-versions')
      await runAll(world, commandsIn('/srv', 'If the programs are gone'))
      await builds(world, 'three')
      assert.doesNotMatch(world.read('/etc/nix/nix.conf'), /nixsig/)

      await runAll(world, [archive])
      await world.output('nixsig setup --yes')
      await runAll(world, commandsIn('/srv', 'Remove'))
      assert.notEqual((await world.run('nixsig --version')).status, 0)
      await builds(world, 'four')
    }),
  )
}

everyBlockWasRun('e2e/how-to-upgrade')
