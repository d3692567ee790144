// nixsig's programs are deleted and nix.conf still names them: Nix goes on or says what to do.
// takes: 1 minute
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { freePort, startGate } from '../support/gate-process.ts'
import { byDefault, policyText } from '../support/trust.ts'
import { EVERY_VERSION, VERSIONS, type Version, type World, withWorld } from '../support/world.ts'

const NIXSIG = '/opt/nixsig/nixsig'
const POLICY = '/etc/nixsig/policy.toml'
/** Nix tries once to reach the gate, which does not run here; five times would take five seconds. */
const NEEDED =
  'sandbox-paths = /bin/sh=/bin/busybox /srv\nbuild-users-group =\nexperimental-features = nix-command flakes\ndownload-attempts = 1\n'
/** What the page and the doorkeepers name: it works without anything of nixsig. */
const RESCUE = 'sed -i /nixsig/d /etc/nix/nix.conf /root/.config/nix/nix.conf'

function withSetUp(
  version: Version,
  mode: 'warn' | 'enforce',
  use: (world: World) => Promise<void>,
): Promise<void> {
  return withWorld(version, { resident: 'none' }, async world => {
    rmSync(world.path('/etc/nix'), { recursive: true })
    world.write('/etc/nix/nix.conf', NEEDED)
    const trusting = byDefault('nothing', 'nothing', 'self')
    world.write(POLICY, policyText({}, `[gate]\nlisten = "127.0.0.1:${await freePort()}"\n${trusting}`, mode))
    await world.output('mkdir -p /etc/nixsig/attestations')
    await world.output(`${NIXSIG} setup --yes`)
    await world.output(`${NIXSIG} policy check`)
    await use(world)
  })
}

async function build(world: World, name: string) {
  world.write(`/srv/${name}.nix`, nix.derivation(name, { build: 'echo built > $out' }))
  const { status, stdout, stderr } = await world.run(`nix-build --no-out-link /srv/${name}.nix`)
  return { status, said: stdout + stderr }
}

const GONE = (outcome: string) =>
  new RegExp(
    `nixsig: ${outcome}: the program of nixsig that Nix should ask is gone \\(/etc/nix/nixsig/program/\\S+: .*; next: as root, install nixsig again and run nixsig setup; or let Nix go on without it: ${RESCUE}`,
  )

for (const version of EVERY_VERSION) {
  test(`${version}: Nix calls nixsig through files beside nix.conf`, () =>
    withSetUp(version, 'enforce', async world => {
      const conf = world.read('/etc/nix/nixsig.conf')
      assert.match(conf, /^plugin-files = \/etc\/nix\/nixsig\/nixsig-door\.so$/m)
      for (const hook of ['pre-build-hook', 'post-build-hook', 'build-hook'])
        assert.match(conf, new RegExp(`^${hook} = /etc/nix/nixsig/${hook}$`, 'm'))
      const { status, said } = await build(world, 'before')
      assert.equal(status, 0, said)
    }))

  test(`${version}: the programs are deleted: in warn mode Nix goes on, and says so`, () =>
    withSetUp(version, 'warn', async world => {
      await world.output('rm -rf /opt/nixsig')
      const { status, said } = await build(world, 'warned')
      assert.match(said, GONE('WARNING, nothing is judged'))
      assert.equal(status, 0, said)
    }))

  test(`${version}: the programs are deleted: in enforce mode Nix stops with what to do, which works`, () =>
    withSetUp(version, 'enforce', async world => {
      await world.output('rm -rf /opt/nixsig')
      const refused = await build(world, 'refused')
      assert.notEqual(refused.status, 0)
      assert.match(refused.said, GONE('refused'))
      await world.run(RESCUE)
      const { status, said } = await build(world, 'rescued')
      assert.equal(status, 0, said)
      assert.doesNotMatch(said, /nixsig:/)
      assert.equal(world.read('/etc/nix/nix.conf'), NEEDED)
    }))

  test(`${version}: state and policy are deleted as well: nobody says that it only warns, so Nix stops`, () =>
    withSetUp(version, 'warn', async world => {
      await world.output('rm -rf /opt/nixsig /var/lib/nixsig /etc/nixsig')
      const { status, said } = await build(world, 'refused')
      assert.notEqual(status, 0)
      assert.match(said, GONE('refused'))
    }))

  test(`${version}: all but nix.conf is deleted: Nix names the line, above which stands what to do`, () =>
    withSetUp(version, 'warn', async world => {
      await world.output(
        'rm -rf /opt/nixsig /var/lib/nixsig /etc/nixsig /etc/nix/nixsig /etc/nix/nixsig.conf',
      )
      const { status, said } = await build(world, 'refused')
      assert.notEqual(status, 0)
      assert.match(said, /\/etc\/nix\/nixsig\.conf.*included from.*\/etc\/nix\/nix\.conf.*not found/s)
      assert.match(
        readFileSync(world.path('/etc/nix/nix.conf'), 'utf8'),
        /If nixsig is gone and Nix fails, delete these two lines and restart nix-daemon\.\ninclude /,
      )
      await world.run(RESCUE)
      const rescued = await build(world, 'rescued')
      assert.equal(rescued.status, 0, rescued.said)
    }))

  test(`${version}: deleted programs come back, and all is as it was`, () =>
    withSetUp(version, 'enforce', async world => {
      await world.output('mv /opt/nixsig /opt/elsewhere')
      assert.notEqual((await build(world, 'refused')).status, 0)
      await world.output('mv /opt/elsewhere /opt/nixsig')
      assert.match(await world.output(`${NIXSIG} setup --yes`), /nothing to do/)
      const { status, said } = await build(world, 'again')
      assert.equal(status, 0, said)
      await world.output(`${NIXSIG} unsetup --yes`)
      assert.equal(world.exists('/etc/nix/nixsig'), false)
    }))
}

for (const version of VERSIONS) {
  test(`${version}: without a daemon the gate's own processes are not taken for one`, () =>
    withSetUp(version, 'enforce', async world => {
      await startGate(world)
      const { status, said } = await build(world, 'asked')
      assert.equal(status, 0, said)
      assert.match(await world.output('cat /proc/[0-9]*/cmdline | tr "\\0" " "'), /nix-daemon --stdio/)
      const doctor = await world.run(`${NIXSIG} doctor --json`)
      const { unknown, doors } = JSON.parse(doctor.stdout)
      assert.equal(unknown, 0, doctor.stdout)
      const loaded = doors.find(({ door }: { readonly door: string }) => door === 'plugin-loaded')
      assert.equal(loaded.state, 'closed', JSON.stringify(loaded))
    }))
}
