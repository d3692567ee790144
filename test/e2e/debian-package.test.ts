// The Debian package on machines with systemd: installed, upgraded over the version before it, rolled
// back, lost, brought back, removed and purged.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { makeRelease, sharedRelease } from '../support/release.ts'
import { type Version, type World, withMachine } from '../support/world.ts'

const NEEDED =
  'sandbox-paths = /bin/sh=/bin/busybox /srv\nbuild-users-group =\nexperimental-features = nix-command flakes\nsubstituters =\n'
/** As in Debian's nix-setup-systemd. */
const DAEMON = `[Service]
ExecStart=@/usr/bin/nix-daemon nix-daemon --daemon
KillMode=process
`
const DEBIAN: readonly Version[] = ['bookworm', 'trixie']

const first = sharedRelease('0.1.0')
const second = sharedRelease('0.2.0')
/** Its gate ends as soon as it is started. */
const broken = makeRelease('0.3.0', [], checkout => {
  const file = join(checkout, 'src/cli/commands/serve.ts')
  const text = readFileSync(file, 'utf8')
  const [start] =
    /^async function runService\(options: Options, .*\): Promise<Status> \{\n/m.exec(text) ??
    assert.fail('the gate starts in another function')
  writeFileSync(
    file,
    text.replace(
      start,
      `${start}  if (options.listen === undefined) throw new UsageError('a fault of this version')\n`,
    ),
  )
})

async function build(world: World, name: string, user: 'root' | 'alice') {
  world.write(`/srv/${name}.nix`, nix.derivation(name, { build: 'echo built > $out' }))
  const { status, stdout, stderr } = await world.run(`nix-build --no-out-link /srv/${name}.nix`, { user })
  return { status, said: stdout + stderr }
}

async function builds(world: World, name: string, user: 'root' | 'alice' = 'alice'): Promise<void> {
  const { status, said } = await build(world, name, user)
  assert.equal(status, 0, said)
}

/** What is in force, by what `nixsig --version` says on standard error. */
async function inForce(world: World): Promise<readonly string[]> {
  const { stderr } = await world.run('nixsig --version')
  return [...stderr.matchAll(/^(Nix|the gate|nix-daemon) .*nixsig ([0-9.]+) in /gm)].map(
    ([, who, number]) => `${who} ${number}`,
  )
}

const ALL = (number: string) => ['Nix', 'the gate', 'nix-daemon'].map(who => `${who} ${number}`)

for (const version of DEBIAN) {
  test(`${version}: the life of a package`, { timeout: 600_000 }, async context => {
    await withMachine(version, async world => {
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)
      // dpkg would index the manual pages of the whole machine at each of the steps.
      rmSync(world.path('/var/lib/man-db/auto-update'), { force: true })
      cpSync(first.debian, `${world.path('/srv')}/first.deb`)
      cpSync(second.debian, `${world.path('/srv')}/second.deb`)
      world.write('/etc/nix/nix.conf', NEEDED)
      world.write('/etc/systemd/system/nix-daemon.service', DAEMON)
      await world.output('systemctl daemon-reload; systemctl start nix-daemon; nix-store --version')

      await step('installed, it changes nothing about Nix', async () => {
        const said = await world.output('dpkg -i /srv/first.deb')
        assert.match(said, /next: nixsig setup --dry-run/)
        assert.equal(await world.output('nixsig --version'), '0.1.0')
        assert.equal(world.read('/etc/nix/nix.conf'), NEEDED)
        assert.equal(world.exists('/etc/nixsig'), false)
        assert.notEqual((await world.run('systemctl is-active nixsig')).status, 0)
        assert.match(await world.output('dpkg -L nixsig'), /man1\/nixsig-upgrade\.1\.gz/)
      })

      await step('set up, all of this version is in force, and only warns', async () => {
        await world.output('nixsig setup --yes')
        assert.deepEqual(await inForce(world), ALL('0.1.0'))
        assert.match(world.read('/etc/nixsig/policy.toml'), /^mode = "warn"$/m)
        await builds(world, 'one')
      })

      await step('upgraded, gate and daemon run the new version, and the mode is as it was', async () => {
        const before = world.read('/etc/nixsig/policy.toml')
        await world.output('dpkg -i /srv/second.deb')
        assert.equal(await world.output('nixsig --version'), '0.2.0')
        assert.deepEqual(await inForce(world), ALL('0.2.0'))
        assert.equal(world.read('/etc/nixsig/policy.toml'), before)
        assert.match(await world.output('nixsig setup --dry-run'), /nothing to do/)
        await builds(world, 'two')
      })

      await step('rolled back, they run the one before', async () => {
        const { status, stdout, stderr } = await world.run('nixsig upgrade --rollback')
        assert.equal(status, 1, stdout + stderr)
        assert.match(stdout, /in place of 0\.2\.0-[0-9a-f]{12}/)
        assert.match(stdout, /^open +mode: /m, 'the doctor says last what is open: the policy only warns')
        assert.deepEqual(await inForce(world), ALL('0.1.0'))
        await builds(world, 'three')
      })

      await step('a version whose gate does not come up says so, and how to go back', async () => {
        cpSync(broken.archive, `${world.path('/srv')}/broken.tar.gz`)
        const { status, stderr } = await world.run('nixsig upgrade --unsigned /srv/broken.tar.gz')
        assert.equal(status, 2, stderr)
        assert.match(
          stderr,
          /nixsig 0\.3\.0 is installed, and does not come up: systemctl restart nixsig\.service: /,
        )
        assert.match(stderr, /the way back: nixsig upgrade --rollback/)
        const back = await world.run('nixsig upgrade --rollback')
        assert.equal(back.status, 1, back.stdout + back.stderr)
        assert.deepEqual(await inForce(world), ALL('0.1.0'))
        await builds(world, 'three-again')
      })

      await step('deleted, Nix goes on and says so, and the package brings it back', async () => {
        await world.output('rm -rf /opt/nixsig-versions')
        await world.output('systemctl restart nix-daemon')
        const { status, said } = await build(world, 'four', 'root')
        assert.equal(status, 0, said)
        assert.match(
          said,
          /nixsig: WARNING, nothing is judged: the program of nixsig that Nix should ask is gone/,
        )
        await builds(world, 'five')
        await world.output('dpkg -i /srv/second.deb')
        assert.deepEqual(await inForce(world), ALL('0.2.0'))
      })

      await step('removed, Nix works as before it, and what is kept is there', async () => {
        const { status, stdout, stderr } = await world.run('dpkg -r nixsig')
        assert.equal(status, 0, stdout + stderr)
        assert.match(stderr, /Nix judges nothing on this machine from now on/)
        assert.equal(world.read('/etc/nix/nix.conf'), NEEDED)
        assert.deepEqual(
          [world.exists('/opt/nixsig-versions'), world.exists('/etc/nix/nixsig')],
          [false, false],
        )
        assert.ok(world.exists('/var/lib/nixsig/machine.secret'))
        await builds(world, 'six')
      })

      await step('purged, it says what stays', async () => {
        const { status, stdout, stderr } = await world.run('dpkg -P nixsig')
        assert.equal(status, 0, stdout + stderr)
        assert.match(stderr, /in \/nix\/store: what came in while nixsig was enabled/)
        assert.equal(world.exists('/var/lib/nixsig'), false)
        await builds(world, 'seven')
      })
    })
  })
}
