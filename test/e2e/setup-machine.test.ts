// What setup does on a machine with systemd: the gate's address stays taken, and what failed starts.
// takes: 1 minute
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyDist } from '../support/dist.ts'
import { NEWEST, type World, withMachine } from '../support/world.ts'

const CONF =
  'sandbox-paths = /bin/sh=/bin/busybox\nbuild-users-group =\nexperimental-features = nix-command flakes\nsubstituters =\n'
const DAEMON = `[Unit]
Requires=nix-daemon.socket
[Service]
ExecStart=@/usr/bin/nix-daemon nix-daemon --daemon
KillMode=process
`
const DAEMON_SOCKET = `[Socket]
ListenStream=/nix/var/nix/daemon-socket/socket
[Install]
WantedBy=sockets.target
`
/** Takes the address as soon as it is free, as any user can. */
const THIEF = `const { createServer } = require('node:net')
function take() {
  const server = createServer(() => {})
  server.on('error', () => setTimeout(take, 1))
  server.listen(4649, '127.0.0.1', () => console.log('taken'))
}
take()
`
const NIXSIG = '/opt/nixsig/nixsig'

async function prepare(world: World): Promise<void> {
  copyDist(world.path('/opt/nixsig'))
  world.write('/etc/nix/nix.conf', CONF)
  world.write('/etc/systemd/system/nix-daemon.service', DAEMON)
  world.write('/etc/systemd/system/nix-daemon.socket', DAEMON_SOCKET)
  world.write('/srv/thief.js', THIEF)
  await world.output('systemctl daemon-reload; systemctl start nix-daemon.socket; nix-store --version')
}

const states = async (world: World, units: string) =>
  (await world.run(`systemctl is-active ${units}`)).stdout.trim().split('\n')

for (const version of NEWEST)
  test(`${version}: the life of the units that setup writes`, { timeout: 300_000 }, async context => {
    await withMachine(version, async world => {
      const step = (name: string, run: () => Promise<void>) => context.test(name, run)
      await prepare(world)

      await step('attack: an address that is taken stops setup before nix.conf', async () => {
        await world.output('systemd-run --uid=65534 --unit=thief node /srv/thief.js')
        await world.output(
          'for n in $(seq 100); do grep -q :1229.*0A /proc/net/tcp && break; sleep 0.1; done',
        )
        const { status, stderr } = await world.run(`${NIXSIG} setup --yes`)
        assert.equal(status, 2, stderr)
        assert.match(stderr, /systemctl start nixsig\.socket: .*ss -ltnp names, .* listen of \[gate\]/s)
        assert.equal(world.read('/etc/nix/nix.conf'), CONF)
        await world.output('systemctl stop thief')
        await world.output(`${NIXSIG} setup --yes`)
        assert.deepEqual(await states(world, 'nixsig.socket nixsig.service'), ['active', 'active'])
      })

      await step('attack: nobody can take the address while the gate restarts, however often', async () => {
        await world.output('systemd-run --uid=65534 --unit=waiting node /srv/thief.js')
        for (let count = 0; count < 3; count++) await world.output('systemctl restart nixsig')
        await world.output('systemctl kill --signal=KILL nixsig.service; sleep 2; systemctl start nixsig')
        assert.equal(await world.output('journalctl -u waiting --no-pager | grep -c taken || true'), '0')
        assert.deepEqual(await states(world, 'nixsig.socket nixsig.service'), ['active', 'active'])
        await world.output(`systemctl stop waiting; ${NIXSIG} setup --yes | grep 'nothing to do'`)
      })

      await step('attack: a nix-daemon that failed is told by the doctor, and started by setup', async () => {
        const broken = DAEMON.replace('/usr/bin/nix-daemon nix-daemon', '/bin/false false')
        world.write('/etc/systemd/system/nix-daemon.service', broken)
        await world.output('systemctl daemon-reload; systemctl restart nix-daemon; sleep 1')
        await world.run('for n in $(seq 30); do timeout 2 nix store ping --store daemon; done')
        assert.deepEqual(await states(world, 'nix-daemon.socket nix-daemon.service'), ['failed', 'failed'])
        const doctor = await world.run(`${NIXSIG} doctor`)
        assert.equal(doctor.status, 1)
        assert.match(
          doctor.stdout,
          /^unknown +daemon-age: nix-daemon\.socket and nix-daemon\.service failed, so no daemon answers: systemctl reset-failed nix-daemon\.socket nix-daemon\.service; systemctl start nix-daemon\.socket nix-daemon\.service; /m,
        )
        assert.doesNotMatch(doctor.stdout, /no daemon runs/)
        world.write('/etc/systemd/system/nix-daemon.service', DAEMON)
        await world.output('systemctl daemon-reload')
        const said = await world.output(`${NIXSIG} setup --yes`)
        assert.match(said, /start nix-daemon\.socket and nix-daemon\.service again, which failed/)
        assert.deepEqual(await states(world, 'nix-daemon.socket nix-daemon.service'), ['active', 'active'])
      })

      await step('one that was stopped stays so', async () => {
        await world.output('systemctl stop nix-daemon.socket nix-daemon.service')
        assert.match(await world.output(`${NIXSIG} setup --yes`), /nothing to do/)
        assert.deepEqual(await states(world, 'nix-daemon.socket nix-daemon.service'), [
          'inactive',
          'inactive',
        ])
      })

      await step('units of the user’s run again after unsetup', async () => {
        await world.output(`${NIXSIG} unsetup --yes`)
        assert.deepEqual(await states(world, 'nixsig.socket nixsig.service'), ['inactive', 'inactive'])
        world.write('/etc/systemd/system/nixsig.service', '[Service]\nExecStart=/bin/sleep infinity\n')
        await world.output('systemctl daemon-reload; systemctl start nixsig')
        await world.output(`${NIXSIG} setup --yes`)
        assert.match(await world.output('systemctl show -p ExecStart nixsig'), /serve/)
        const said = await world.output(`${NIXSIG} unsetup --yes`)
        assert.match(said, /^ *start nixsig\.service again$/m)
        assert.deepEqual(await states(world, 'nixsig.socket nixsig.service'), ['inactive', 'active'])
        assert.match(await world.output('systemctl show -p ExecStart nixsig'), /sleep/)
      })
    })
  })
