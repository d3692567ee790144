// The store plugin in real Nix: what it blocks, what it lets through, and what happens when
// something that it needs is broken.
// takes: 1 minute
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import * as nix from '../support/expressions.ts'
import { IMPORT, REFUSED, refuses, rememberPolicy, STATE, withPlugin } from '../support/plugin-world.ts'
import { EVERY_VERSION } from '../support/world.ts'
import { places } from './store-plugin/places.ts'

for (const version of EVERY_VERSION) {
  places(version)

  test(`${version}: a refused path is never valid, asked again refused again, and the store stays clean`, () =>
    withPlugin(version, async world => {
      await refuses(world, IMPORT)
      await refuses(world, IMPORT)
      const path = /\/nix\/store\/\S+-evil/.exec((await world.run(IMPORT)).stderr)?.[0] ?? ''
      assert.notEqual((await world.run(['nix-store', '--check-validity', path])).status, 0)
      const { stderr } = await world.run('nix-store --verify --check-contents')
      assert.doesNotMatch(stderr, /evil|error/)
      // Its files are there as after any command that failed, until the next collection of garbage.
      await world.output('nix-store --gc')
      assert.equal(world.exists(path), false)
    }))

  test(`${version}: every command of root's is refused in a store of its own, made by it or there before`, () =>
    withPlugin(version, async world => {
      await refuses(world, 'nix-store --store /elsewhere --import </srv/evil')
      await refuses(world, 'nix-store --store /elsewhere --import </srv/evil')
      assert.match(
        await world.output('sqlite3 /elsewhere/nix/var/nix/db/db.sqlite "select count(*) from ValidPaths"'),
        /^0$/,
      )
    }))

  test(`${version}: a plain user's own store is left alone, and no command of a plain user's hears of the plugin`, () =>
    withPlugin(version, async world => {
      await rememberPolicy(world)
      await world.startDaemon()
      const alice = { user: 'alice' } as const
      await world.output('nix-store --store /home/alice/own --import </srv/evil', alice)
      world.write('/home/alice/flake/flake.nix', '{ outputs = _: { x = 1; }; }')
      await world.output('chown -R alice: /home/alice')
      for (const command of [
        'nix-store --version',
        'nix-instantiate --eval -E "1 + 1"',
        'nix eval --expr "1 + 1"',
        'nix-store -q --requisites /nix/store/none || true',
        'nix eval path:/home/alice/flake#x',
        'nix-store --add /home/alice/flake/flake.nix',
      ]) {
        const { status, stderr } = await world.run(command, alice)
        assert.equal(status, 0, `${command}: ${stderr}`)
        assert.doesNotMatch(stderr, /nixsig/)
      }
    }))

  test(`${version}: root through the daemon is refused with a line in its log, and the daemon goes on`, () =>
    withPlugin(version, async world => {
      await rememberPolicy(world)
      const daemon = await world.startDaemon()
      const env = { NIX_REMOTE: 'daemon' }
      const refused = await world.run(IMPORT, { env })
      assert.notEqual(refused.status, 0)
      assert.match(daemon.log(), REFUSED)
      if (version !== 'bookworm') assert.match(refused.stderr, REFUSED)
      world.write('/root/x', 'x')
      await world.output('nix-store --add /root/x', { env })
    }))

  test(`${version}: one refused path takes the transaction with it`, () =>
    withPlugin(version, async world => {
      await world.output(`nix-store --option plugin-files '' --import </srv/evil-2`)
      // Both in one stream, each in a form of its own: the end of the first is left out.
      await world.output('head -c -8 /srv/evil-2 >/srv/both; cat /srv/evil-3 >>/srv/both')
      await refuses(world, 'nix-store --import </srv/both', /refused \/nix\/store\/\S+-evil-3/)
      assert.equal(
        await world.output(
          'sqlite3 /nix/var/nix/db/db.sqlite "select count(*) from ValidPaths where path like \'%evil%\'"',
        ),
        '1',
      )
    }))

  // Half a minute, and no matter of Nix's version.
  if (version === 'bookworm')
    test(`${version}: a gate that hangs is waited for half a minute, and its silence is a refusal`, () =>
      withPlugin(version, async world => {
        mkdirSync(world.path('/run/nixsig'), { mode: 0o755 })
        const server = createServer(() => {})
        await new Promise<void>(resolve => server.listen(`${world.path('/run')}/nixsig/socket`, resolve))
        await world.output('chmod 600 /run/nixsig/socket')
        try {
          const start = Date.now()
          await refuses(
            world,
            IMPORT,
            /the gate at \/run\/nixsig\/socket could not judge it: it (?:did not answer in time|hangs: it gave no sign of life)/,
            { timeout: 60_000 },
          )
          const seconds = (Date.now() - start) / 1000
          assert.ok(seconds > 29 && seconds < 50, `${seconds} s`)
        } finally {
          server.close()
        }
      }))

  test(`${version}: attack: somebody else's socket in the gate's place is not asked`, () =>
    withPlugin(version, async world => {
      mkdirSync(world.path('/run/nixsig'), { mode: 0o755 })
      const socket = `${world.path('/run')}/nixsig/socket`
      const server = createServer(connection => connection.end('nixsig1 pass 0 0 6\nstatus'))
      await new Promise<void>(resolve => server.listen(socket, resolve))
      chownSync(socket, 1001, 1001)
      try {
        await refuses(world, IMPORT, /\/run\/nixsig\/socket belongs to user 1001/)
      } finally {
        server.close()
      }
    }))

  test(`${version}: attack: without its state directory, with a forged one or on a full disk nothing is let in`, () =>
    withPlugin(version, async world => {
      rmSync(world.path(STATE), { recursive: true, force: true })
      await refuses(world, IMPORT)
      await world.output(`mkdir -p ${STATE}/ledger && chmod 777 ${STATE}`)
      await refuses(world, IMPORT)
      await world.output(
        `rm -r ${STATE} && mkdir ${STATE} && mount -t tmpfs -o size=4k,mode=755 tmpfs ${STATE}`,
      )
      await world.run(`head -c 1000000 /dev/zero >${STATE}/filler`)
      await refuses(world, IMPORT)
    }))

  test(`${version}: a refusal is a line of the journal as well`, () =>
    withPlugin(version, async world => {
      const lines: string[] = []
      // Node has no datagram sockets of this kind.
      const listener = spawn(...split(world.enter(['perl', '-e', JOURNAL])), {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      listener.stdout.setEncoding('utf8').on('data', text => lines.push(text))
      await new Promise(resolve => listener.stdout.once('data', resolve))
      await refuses(world, IMPORT)
      await new Promise(resolve => setTimeout(resolve, 200))
      listener.kill()
      assert.match(lines.join(''), /nixsig: refused \/nix\/store\/\S+-evil: /)
    }))

  test(`${version}: attack: realisations are refused where content-addressed derivations are enabled`, () =>
    withPlugin(version, async world => {
      const conf = world.read('/etc/nix/nix.conf')
      world.write('/etc/nix/nix.conf', `${conf}extra-experimental-features = ca-derivations\n`)
      world.write(
        '/srv/floating.nix',
        nix.derivation('floating', {
          attributes: {
            __contentAddressed: 'true',
            outputHashMode: '"recursive"',
            outputHashAlgo: '"sha256"',
          },
        }),
      )
      const hooks = "--option pre-build-hook '' --option post-build-hook ''"
      await refuses(world, `nix-build --no-out-link ${hooks} /srv/floating.nix`, /nixsig: refused/)
    }))
}

const JOURNAL = `use IO::Socket::UNIX; use Socket; unlink '/dev/log';
my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => '/dev/log') or die $!; $| = 1; print "ready\\n";
while (defined $s->recv(my $m, 65536)) { print "$m\\n" }`

function split([program, ...args]: readonly [string, ...string[]]): [string, string[]] {
  return [program, args]
}
