// `nixsig setup`, `enforce`, `warn` and `unsetup` with a real Nix, and what Nix does after each.
// takes: 2 minutes
import assert from 'node:assert/strict'
import { chmodSync, chownSync, lstatSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { describe, test } from 'node:test'
import { commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { freePort, startGate } from '../support/gate-process.ts'
import { CONF, NEEDED, NIXSIG, nixsig, POLICY, withInstalled } from '../support/setup-world.ts'
import { byDefault, contentsOf, packaged, policyText, publish, signer } from '../support/trust.ts'
import { EVERY_VERSION, OLDEST, VERSIONS, type World } from '../support/world.ts'

const PAGE = 'docs/how-to/setup.md'
const USUAL = `${NEEDED}sandbox = false\nexperimental-features = nix-command flakes\nsubstituters =\n`

/** What Nix itself takes for its settings. */
async function settingsOf(world: World): Promise<ReadonlyMap<string, string>> {
  const lines = await world.output('nix --extra-experimental-features nix-command show-config 2>/dev/null')
  return new Map(lines.split('\n').map(line => line.split(/ = ?/, 2) as [string, string]))
}

function picture(world: World, file = CONF): unknown {
  if (!world.exists(file)) return 'nothing'
  const { mode, uid, gid } = statSync(world.path(file))
  return [readFileSync(world.path(file), 'latin1'), mode, uid, gid]
}

const EVERYWHERE: Readonly<Record<string, string>> = {
  sandbox: 'true',
  'sandbox-fallback': 'false',
  'require-sigs': 'true',
  substituters: 'http://127.0.0.1:4649',
  'trusted-substituters': '',
  'trusted-users': 'root',
  fallback: 'false',
  'narinfo-cache-positive-ttl': '0',
  'narinfo-cache-negative-ttl': '0',
  'plugin-files': '/etc/nix/nixsig/nixsig-door.so',
}

/** Files that differ in what they set, which each Nix takes in its own way. */
const OF_SETTINGS: Readonly<Record<string, string | undefined>> = {
  'none at all': undefined,
  'one that includes another': `${USUAL}include mine.conf\n!include /etc/nix/missing.conf\n`,
  'one with every door open': `${USUAL}sandbox-fallback = true
require-sigs = false
extra-substituters = https://evil.example
binary-caches = https://evil.example
trusted-substituters = https://evil.example
extra-trusted-public-keys = evil:AAAA
extra-trusted-users = mallory
accept-flake-config = true
fallback = true
pre-build-hook =
post-build-hook = /bin/true
plugin-files =
`,
}

/** Files that differ in their text alone. */
const OF_TEXT: Readonly<Record<string, string>> = {
  'an empty one': '',
  'one without a line feed at its end': `${USUAL}cores = 1`,
  'one that ends with a comment': `${USUAL}# the end`,
  'one with carriage returns': USUAL.replaceAll('\n', '\r\n'),
}

for (const version of VERSIONS) {
  describe(version, () => {
    for (const [what, conf] of Object.entries(
      version === 'sid' ? OF_SETTINGS : { ...OF_SETTINGS, ...OF_TEXT },
    )) {
      test(`nix.conf: ${what}: Nix takes every setting, and gets it back byte for byte`, () =>
        withInstalled(version, conf, async world => {
          if (conf?.includes('mine.conf')) world.write('/etc/nix/mine.conf', 'trusted-users = root mallory\n')
          const before = picture(world)
          await nixsig(world, 'setup --yes')
          const settings = await settingsOf(world)
          for (const [name, value] of Object.entries(EVERYWHERE))
            assert.equal(settings.get(name), value, name)
          // The newer Nix does not know this one without flakes.
          if (conf?.includes('flakes')) assert.equal(settings.get('accept-flake-config'), 'false')
          assert.doesNotMatch(
            (await world.run('nix-store --version')).stderr,
            /unknown setting|Ignoring setting/,
          )
          assert.equal(settings.get('trusted-public-keys'), world.read('/var/lib/nixsig/gate.pub').trim())
          for (const hook of ['pre-build-hook', 'post-build-hook'])
            assert.equal(settings.get(hook), `/etc/nix/nixsig/${hook}`)
          assert.match(await nixsig(world, 'policy check'), /mode warn, \d principal/)
          const after = [picture(world), picture(world, '/etc/nix/nixsig.conf'), picture(world, POLICY)]
          assert.match(await nixsig(world, 'setup --yes'), /nothing to do/)
          assert.match(await nixsig(world, 'setup --dry-run'), /nothing to do/)
          assert.deepEqual(
            [picture(world), picture(world, '/etc/nix/nixsig.conf'), picture(world, POLICY)],
            after,
          )
          await nixsig(world, 'unsetup --yes')
          assert.deepEqual(picture(world), before)
          assert.equal(world.exists('/etc/nix/nixsig.conf'), false)
          assert.equal(world.exists('/etc/nix'), conf !== undefined)
          assert.ok(world.exists(POLICY))
        }))
    }

    test('a symbolic link stays one, and a mode and an owner are kept', () =>
      withInstalled(version, undefined, async world => {
        world.write('/root/dotfiles/nix.conf', USUAL)
        await world.output('mkdir /etc/nix; ln -s /root/dotfiles/nix.conf /etc/nix/nix.conf')
        chmodSync(world.path('/root/dotfiles/nix.conf'), 0o640)
        chownSync(world.path('/root/dotfiles/nix.conf'), 0, 1000)
        const before = picture(world)
        await nixsig(world, 'setup --yes')
        assert.equal((await settingsOf(world)).get('sandbox'), 'true')
        await nixsig(world, 'unsetup --yes')
        assert.deepEqual(picture(world), before)
        assert.equal(await world.output('readlink /etc/nix/nix.conf'), '/root/dotfiles/nix.conf')
      }))

    test('what nobody signed is told, then refused, then told again, and not asked about after unsetup', () =>
      withInstalled(version, USUAL, async world => {
        const alice = signer('alice')
        const port = await freePort()
        const gateAt = `[gate]\nlisten = "127.0.0.1:${port}"\n`
        const rules = byDefault('alice', 'nothing', 'self')
        world.write(POLICY, policyText({ alice: [alice] }, gateAt + rules, 'warn'))
        await world.output('mkdir -p /etc/nixsig/attestations')
        await nixsig(world, 'setup --yes')
        const gate = await startGate(world)
        const daemon = await world.startDaemon()
        let builds = 0
        const build = async () => {
          const name = `product-${builds++}`
          world.write(`/home/alice/${name}.txt`, `${name}\n`)
          const options = { inputs: [`./${name}.txt`], build: 'read line <$inputs; echo "$line" >$out' }
          world.write(`/home/alice/${name}.nix`, nix.derivation(name, options))
          const outcome = await world.run(`nix-build --no-out-link ${name}.nix`, { user: 'alice' })
          return { ...outcome, name }
        }
        try {
          const warned = await build()
          assert.equal(warned.status, 0, warned.stderr)
          assert.match(daemon.log() + gate.log(), /needs alice for its source/)

          assert.match(await nixsig(world, 'enforce'), /enforced: what is not trusted is refused/)
          const refused = await build()
          assert.notEqual(refused.status, 0)
          assert.match(
            refused.stderr + daemon.log(),
            /refused \/nix\/store\/\S*product-1\S* .*needs alice for its source/,
          )
          const source = await world.output(`nix-store --add /home/alice/${refused.name}.txt`)
          publish(world, source, packaged(alice, await contentsOf(world, source)))
          const again = await world.run(`nix-build --no-out-link ${refused.name}.nix`, { user: 'alice' })
          assert.equal(again.status, 0, again.stderr)

          assert.match(await nixsig(world, 'warn'), /WARNING: nixsig refuses nothing now/)
          assert.equal((await build()).status, 0)
        } finally {
          await gate.end('SIGTERM')
          await daemon.stop()
        }
        await nixsig(world, 'enforce')
        await nixsig(world, 'unsetup --yes')
        await world.startDaemon()
        const free = await build()
        assert.equal(free.status, 0, free.stderr)
        assert.doesNotMatch(free.stderr, /nixsig/)
      }))
  })
}

for (const version of OLDEST) {
  describe(`${version}: getting in and out`, () => {
    test('a gate that hangs keeps nobody from getting out', () =>
      withInstalled(version, USUAL, async world => {
        const port = await freePort()
        const rest = `[gate]\nlisten = "127.0.0.1:${port}"\n${byDefault('alice', 'nothing', 'self')}`
        world.write(POLICY, policyText({ alice: [signer('alice')] }, rest))
        await world.output('mkdir -p /etc/nixsig/attestations')
        await nixsig(world, 'setup --yes')
        const gate = await startGate(world)
        // nsenter, which started it, stops itself when it is stopped.
        const parent = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${gate.pid}/status`, 'utf8'))?.[1])
        process.kill(gate.pid, 'SIGSTOP')
        try {
          const said = await nixsig(world, 'warn', 2)
          assert.match(said, /WARNING: nixsig refuses nothing now/)
          assert.match(
            said,
            /the policy is in force, but the gate that runs did not say .* it does not answer/,
          )
          assert.match(world.read(POLICY), /^mode = "warn"$/m)
          assert.match(world.read('/var/lib/nixsig/policy'), /^mode warn$/m)
        } finally {
          for (const pid of [gate.pid, parent]) process.kill(pid, 'SIGCONT')
          await gate.end('SIGTERM')
        }
      }))

    test('a policy that lists nobody is not enforced unless somebody insists', () =>
      withInstalled(version, USUAL, async world => {
        assert.match(
          await nixsig(world, 'enforce', 2),
          /there is no \/etc\/nixsig\/policy\.toml: nixsig setup creates one/,
        )
        await nixsig(world, 'setup --yes')
        assert.match(
          await nixsig(world, 'enforce', 2),
          /trusts nobody, so nearly everything would be refused/,
        )
        assert.match(world.read(POLICY), /^mode = "warn"$/m)
        await nixsig(world, 'enforce --force')
        assert.match(world.read(POLICY), /^mode = "enforce"$/m)
        assert.match(await nixsig(world, 'enforce'), /nothing to do/)
        world.write('/root/x.nix', nix.derivation('x', { inputs: ['./x.nix'] }))
        const { status, stderr } = await world.run('nix-build --option substituters "" x.nix')
        assert.notEqual(status, 0)
        assert.match(stderr, /x\.nix .*refuse/)
      }))

    test('killed at any time, it leaves a Nix that works, and goes on when it is run again', () =>
      withInstalled(version, USUAL, async world => {
        const before = picture(world)
        for (let delay = 60; delay <= 460; delay += 40) {
          await world.run(`timeout --signal KILL 0.${String(delay).padStart(3, '0')} ${NIXSIG} setup --yes`)
          const text = world.exists(CONF) ? world.read(CONF) : ''
          assert.ok(text === USUAL || text.endsWith('include /etc/nix/nixsig.conf\n'), text)
          assert.equal(
            (await world.run('nix-store --version; nix-store --check-validity /nix/store/x')).stderr.includes(
              'not found',
            ),
            false,
          )
          assert.ok((await settingsOf(world)).has('sandbox'))
          if ((delay / 40) % 2 < 1) await nixsig(world, 'setup --yes')
          await nixsig(world, 'unsetup --yes')
          assert.deepEqual(picture(world), before)
          assert.deepEqual((await world.output('ls -A /etc/nix')).split('\n'), ['nix.conf'])
        }
      }))
  })
}

for (const version of EVERY_VERSION) {
  test(`${version}: every setting that setup writes is heeded, and one that is not is named`, () =>
    withInstalled(version, USUAL, async world => {
      const old = await world.startDaemon()
      const said = await nixsig(world, 'setup --yes')
      assert.match(said, /not in effect: nix-daemon was started before these settings/)
      assert.doesNotMatch(said, /does not heed/)
      await old.stop()
      assert.equal((await settingsOf(world)).get('build-hook'), '/etc/nix/nixsig/build-hook')
      const overruled: readonly (readonly [env: Readonly<Record<string, string>>, says: RegExp])[] = [
        [{ NIX_CONFIG: 'sandbox = false' }, /nix-daemon does not heed sandbox: it takes false for it/],
        [{ NIX_CONFIG: 'extra-substituters = https://x' }, /nix-daemon does not heed substituters/],
        [{ NIX_CONF_DIR: '/srv/none' }, /nix-daemon does not heed pre-build-hook: it takes nothing for it/],
      ]
      for (const [env, says] of overruled) {
        const daemon = await world.startDaemon({ env })
        await nixsig(world, 'setup --yes --without gate')
        assert.match(await nixsig(world, 'setup --yes'), says)
        await daemon.stop()
      }
      const forgetful = await world.startDaemon({ env: { NIX_USER_CONF_FILES: '/srv/none' } })
      await nixsig(world, 'setup --yes --without gate')
      const told = await nixsig(world, 'setup --yes')
      assert.equal(/nix-daemon does not heed build-hook/.test(told), version === 'trixie')
      await forgetful.stop()
      await nixsig(world, 'unsetup --yes')
      assert.equal(world.exists('/root/.config'), false)
    }))
}

/** Puts a script in systemctl's place, which records how it is called and says that a daemon runs. */
function pretendSystemd(world: World, fails = ''): void {
  world.write('/run/systemd/system/.keep', '')
  const script = `#!/bin/sh\necho "$*" >>/root/asked\ncase "$*" in ${fails || 'nothing'}*) echo "Job failed." >&2; exit 1;; esac\n`
  world.write('/usr/local/bin/systemctl', script, 0o755)
}

function asked(world: World): readonly string[] {
  const lines = world.exists('/root/asked') ? world.read('/root/asked').trimEnd().split('\n') : []
  rmSync(world.path('/root/asked'), { force: true })
  return lines.filter(line => !line.startsWith('is-'))
}

const UNIT = '/etc/systemd/system/nixsig.service'
const SOCKET_UNIT = '/etc/systemd/system/nixsig.socket'

describe('with systemd', () => {
  test('the gate is a service, started before nix.conf names it, and gone afterwards', () =>
    withInstalled('bookworm', USUAL, async world => {
      pretendSystemd(world)
      const said = await nixsig(world, 'setup --yes')
      assert.doesNotMatch(said, /start the gate as root/)
      assert.match(said, /start nixsig\.socket and nixsig\.service, now and at each boot/)
      assert.deepEqual(asked(world), [
        'daemon-reload',
        'enable nixsig.socket nixsig.service',
        'stop nixsig.socket nixsig.service',
        'start nixsig.socket',
        'restart nixsig.service',
        'try-restart nix-daemon.service',
      ])
      const verified = await world.run(`systemd-analyze verify ${UNIT} ${SOCKET_UNIT}`)
      assert.equal(verified.status, 0, verified.stderr)
      assert.doesNotMatch(verified.stderr, /nixsig\.s/)
      assert.match(await nixsig(world, 'setup --yes'), /nothing to do/)
      assert.deepEqual(asked(world), [])
      await nixsig(world, 'unsetup --yes')
      assert.deepEqual(asked(world), [
        'try-restart nix-daemon.service',
        'disable --now nixsig.socket nixsig.service',
        'daemon-reload',
      ])
      assert.deepEqual([world.exists(UNIT), world.exists(SOCKET_UNIT)], [false, false])
    }))

  test('a gate that does not start leaves nix.conf as it was, and setup goes on when it does', () =>
    withInstalled('bookworm', USUAL, async world => {
      pretendSystemd(world, 'restart')
      assert.match(await nixsig(world, 'setup --yes', 2), /systemctl restart nixsig\.service: Job failed\./)
      assert.equal(world.read(CONF), USUAL)
      pretendSystemd(world)
      asked(world)
      await nixsig(world, 'setup --yes')
      assert.ok(asked(world).includes('restart nixsig.service'))
      assert.match(world.read(CONF), /nixsig\.conf\n$/)
      assert.match(await nixsig(world, 'setup --yes'), /nothing to do/)
      await nixsig(world, 'unsetup --yes')
      assert.equal(world.read(CONF), USUAL)
    }))

  test('a daemon that does not restart is told of, and stops neither setup nor unsetup', () =>
    withInstalled('bookworm', USUAL, async world => {
      pretendSystemd(world, 'try-restart')
      assert.match(await nixsig(world, 'setup --yes', 2), /try-restart nix-daemon\.service: Job failed/)
      assert.match(world.read(CONF), /nixsig\.conf\n$/)
      assert.match(await nixsig(world, 'unsetup --yes', 2), /try-restart nix-daemon\.service: Job failed/)
      assert.deepEqual(
        [world.read(CONF), world.exists('/etc/nix/nixsig.conf'), world.exists(UNIT)],
        [USUAL, false, false],
      )
      await nixsig(world, 'unsetup --yes')
      assert.match(await nixsig(world, 'unsetup'), /nothing to do/)
    }))

  test('without the gate there is no service, and one that was there goes', () =>
    withInstalled('bookworm', USUAL, async world => {
      pretendSystemd(world)
      await nixsig(world, 'setup --yes')
      asked(world)
      await nixsig(world, 'setup --yes --without gate')
      assert.ok(asked(world).includes('disable --now nixsig.socket nixsig.service'))
      assert.equal(world.exists(UNIT), false)
      assert.equal((await settingsOf(world)).get('substituters'), '')
      await nixsig(world, 'unsetup --yes')
      assert.equal(world.read(CONF), USUAL)
    }))

  test('a unit of the user’s by that name comes back, and one that was changed since is left', () =>
    withInstalled('bookworm', USUAL, async world => {
      pretendSystemd(world)
      world.write(UNIT, '[Service]\nExecStart=/bin/true\n')
      await nixsig(world, 'setup --yes')
      assert.match(world.read(UNIT), /ExecStart=\/opt\/nixsig\/nixsig serve/)
      asked(world)
      await nixsig(world, 'unsetup --yes')
      assert.deepEqual(asked(world).slice(-3, -1), ['daemon-reload', 'start nixsig.service'])
      assert.equal(world.read(UNIT), '[Service]\nExecStart=/bin/true\n')
      await nixsig(world, 'setup --yes')
      world.write(UNIT, `${world.read(UNIT)}# mine\n`)
      assert.match(
        await nixsig(world, 'unsetup --yes', 2),
        /nixsig\.service was changed since setup and is left as it is/,
      )
      assert.equal(world.read(CONF), USUAL)
      rmSync(world.path(UNIT))
      await nixsig(world, 'unsetup --yes')
      assert.match(await nixsig(world, 'unsetup'), /nothing to do/)
    }))
})

describe('who may, and what is asked', () => {
  test('attack: a plain user sets nothing up', () =>
    withInstalled('bookworm', USUAL, async world => {
      for (const command of ['setup --yes', 'unsetup --yes', 'enforce', 'warn']) {
        const { status, stderr } = await world.run(`${NIXSIG} ${command}`, { user: 'mallory' })
        assert.equal(status, 2)
        assert.match(stderr, /only root can run nixsig (setup|unsetup|enforce|warn)/)
      }
      assert.equal(world.read(CONF), USUAL)
    }))

  test('attack: the installation belongs to a plain user, as after cp -a', () =>
    withInstalled('bookworm', USUAL, async world => {
      await world.output('cp -r /opt/nixsig /home/mallory/nixsig; chown -R mallory /home/mallory/nixsig')
      const { status, stderr } = await world.run('/home/mallory/nixsig/nixsig setup --yes')
      assert.equal(status, 2)
      assert.match(stderr, /\/home\/mallory.* belongs to user 1001.*copy it as root to \/opt\/nixsig/)
      await world.output('ln -s /home/mallory/nixsig/nixsig /usr/local/bin/nixsig')
      assert.match((await world.run('nixsig setup --yes')).stderr, /belongs to user 1001/)
      assert.equal(world.read(CONF), USUAL)
      assert.equal(world.exists('/var/lib/nixsig'), false)
    }))

  test('attack: the policy is a symbolic link to /etc/shadow: it stays, and no word of it is told', () =>
    withInstalled('bookworm', USUAL, async world => {
      world.write('/etc/shadow', 'root:$y$j9T$secret:19000::::::\n', 0o600)
      await world.output('mkdir /etc/nixsig; ln -s /etc/shadow /etc/nixsig/policy.toml')
      for (const command of ['setup --yes', 'enforce --force', 'warn']) {
        assert.doesNotMatch(await nixsig(world, command, 2), /secret|\$y\$/)
      }
      assert.match(world.read('/etc/shadow'), /^root:\$y/)
      assert.ok(lstatSync(`${world.path('/etc/nixsig')}/policy.toml`).isSymbolicLink())
      assert.equal(world.read(CONF), USUAL)
    }))

  test('NixOS is told to use the module', () =>
    withInstalled('bookworm', undefined, async world => {
      world.write('/etc/static/nix/nix.conf', USUAL)
      await world.output('mkdir /etc/nix')
      symlinkSync('/etc/static/nix/nix.conf', `${world.path('/etc/nix')}/nix.conf`)
      assert.match(await nixsig(world, 'setup --yes', 2), /NixOS.*use nixsig's NixOS module/)
      await world.output(
        'mkdir -p /nix/store/x-etc; cp /etc/static/nix/nix.conf /nix/store/x-etc; ln -sf /nix/store/x-etc/nix.conf /etc/nix/',
      )
      assert.match(await nixsig(world, 'setup --yes', 2), /NixOS module/)
      assert.equal(world.exists('/etc/nix/nixsig.conf'), false)
    }))

  test('a dry run does nothing, and so does one that nobody agreed to', () =>
    withInstalled('bookworm', USUAL, async world => {
      assert.match(await nixsig(world, 'setup --dry-run'), /\+ include \/etc\/nix\/nixsig\.conf/)
      assert.match(await nixsig(world, 'setup', 2), /no terminal to ask at/)
      for (const answer of ['n', '', 'maybe']) {
        const { stdout } = await world.run(
          ['script', '--quiet', '--command', `${NIXSIG} setup`, '/dev/null'],
          {
            input: `${answer}\n`,
          },
        )
        assert.match(stdout, /Do this\? \[y\/N\].*nothing was done/s)
      }
      assert.equal(world.read(CONF), USUAL)
      assert.deepEqual(
        ['/etc/nixsig', '/var/lib/nixsig', '/etc/nix/nixsig.conf'].map(file => world.exists(file)),
        [false, false, false],
      )
      await world.run(['script', '--quiet', '--command', `${NIXSIG} setup`, '/dev/null'], { input: 'y\n' })
      assert.match(world.read(CONF), /nixsig\.conf\n$/)
      assert.match(await nixsig(world, 'unsetup --dry-run'), /delete \/etc\/nix\/nixsig\.conf/)
      assert.match(await nixsig(world, 'unsetup', 2), /no terminal to ask at/)
      assert.match(world.read(CONF), /nixsig\.conf\n$/)
    }))

  test('purge deletes policy, keys and ledger, and nothing else', () =>
    withInstalled('bookworm', USUAL, async world => {
      await nixsig(world, 'setup --yes')
      world.write('/etc/nixsig/keys/alice.asc', '')
      const said = await nixsig(world, 'unsetup --yes --purge')
      assert.match(said, /stays: the programs \(rm -r \/opt\/nixsig/)
      assert.match(said, /stays: what came into the store while nixsig was enabled/)
      assert.equal(world.exists('/var/lib/nixsig'), false)
      assert.deepEqual(await world.output('ls -A /etc/nixsig'), 'keys')
      assert.equal(world.read(CONF), USUAL)
    }))

  test('calls that make no sense', () =>
    withInstalled('bookworm', USUAL, async world => {
      assert.match(await nixsig(world, 'setup --yes --without hooks', 2), /--without plugin as well/)
      assert.match(
        await nixsig(world, 'setup --yes --without everything', 2),
        /choose one of hooks, build-hook, plugin, gate/,
      )
      assert.match(
        await nixsig(world, 'setup --yes --state /srv/state', 2),
        /nixsig setup takes no --state, as it would not look there/,
      )
      assert.match(
        await nixsig(world, 'enforce --policy /srv/policy.toml', 2),
        /nixsig enforce takes no --policy, as it would not look there/,
      )
      assert.equal(world.read(CONF), USUAL)
    }))
})

describe(PAGE, () => {
  for (const version of EVERY_VERSION)
    test(`${version}: its commands, one after the other`, () =>
      withInstalled(version, USUAL, async world => {
        await world.output('mv /opt/nixsig /root/dist')
        const commands = [...commandsOf('docs/getting-started.md', 'Install'), ...commandsOf(PAGE)]
        assert.deepEqual(
          commands.map(({ section }) => section),
          [
            'Install',
            'Look first',
            'Set up',
            'From warnings to refusals',
            'From warnings to refusals',
            'From warnings to refusals',
            'Leave',
          ],
        )
        const before = commands.findIndex(({ section }) => section === 'From warnings to refusals')
        await runAll(world, commands.slice(0, before))
        const listed = `${world.read(POLICY)}[principals.alice]\nkeys = ["${signer('alice').publicKey}"]\n`
        world.write(POLICY, listed)
        await runAll(world, commands.slice(before))
        assert.equal(world.read(CONF), USUAL)
        assert.equal(world.read(POLICY), listed)
      }))

  test('its table of settings is that of the file', () =>
    withInstalled('bookworm', USUAL, async world => {
      await nixsig(world, 'setup --yes')
      const table = readFileSync(`${PROJECT_ROOT}/${PAGE}`, 'utf8').match(/^\| setting .*?\n\n/ms)?.[0] ?? ''
      const names = [...world.read('/etc/nix/nixsig.conf').matchAll(/^([a-z-]+) =/gm)].map(
        ([, name = '']) => name,
      )
      assert.ok(names.length > 10)
      for (const name of names) assert.ok(table.includes(`\`${name}`), name)
    }))
})

everyBlockWasRun('e2e/setup')
