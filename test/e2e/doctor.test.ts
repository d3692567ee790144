// The doctor, on a machine as `nixsig setup` leaves it: all doors are closed, and each hole that is made by hand is found.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ADVISORIES } from '../../src/formats/nix/advisories.ts'
import { commandsOf } from '../docs/markdown.ts'
import { runAll } from '../docs/page.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { EVERY_VERSION, type World } from '../support/world.ts'

interface Door {
  readonly door: string
  readonly state: string
  readonly detail: string
}

interface Report {
  readonly status: number
  readonly doors: ReadonlyMap<string, Door>
  /** Names of those that are open or unknown. */
  readonly holes: readonly string[]
}

/** What the oldest Nix has by its number is no hole of a machine's own. */
const MENDED = ADVISORIES.map(advisory => `--mended ${advisory.id}`).join(' ')
const DOCTOR = `/opt/nixsig/nixsig doctor ${MENDED}`

async function examine(world: World, env: Readonly<Record<string, string>> = {}): Promise<Report> {
  const started = Date.now()
  const { status, stdout, stderr } = await world.run(`${DOCTOR} --json`, { env })
  assert.ok(Date.now() - started < 60_000, 'it takes a minute at most')
  assert.equal(stderr, '')
  const { doors } = JSON.parse(stdout) as { readonly doors: readonly Door[] }
  const holes = doors.filter(({ state }) => state === 'open' || state === 'unknown').map(({ door }) => door)
  return { status, doors: new Map(doors.map(door => [door.door, door])), holes }
}

/** All files, but for the locks, sockets and database that Nix itself makes, the key that a machine makes itself once, and what hooks remember. */
async function files(world: World): Promise<readonly string[]> {
  const found = await world.output('find /nix /var/lib/nixsig /tmp /root /etc/nix /etc/nixsig ! -type d')
  return found
    .split('\n')
    .filter(file => !NIX_OWN.test(file))
    .sort()
}

const NIX_OWN =
  /^\/var\/lib\/nixsig\/(?:machine\.|policy$)|^\/nix\/var\/nix\/(?:gc.lock|gc-socket|current-load|db\/|temproots)/

/** Settings at the very end of nix.conf, where the last word is. */
const inConf = (lines: string) => (world: World) => {
  world.write('/etc/nix/nix.conf', `${world.read('/etc/nix/nix.conf')}${lines}\n`)
  return undefined
}

/** A command that makes a hole, and one that mends it. */
const byCommand =
  (make: string, mend: string): Hole['make'] =>
  async world => {
    await world.output(make)
    return mend
  }

interface Hole {
  readonly name: string
  /** Returns the command that mends it, where that is more than to write back nix.conf. */
  readonly make: (world: World) => undefined | Promise<string>
  /** Doors that have to be open or unknown then, and none but these and `also` may be. */
  readonly doors: readonly string[]
  readonly also?: readonly string[]
}

/** What follows from any change of nix.conf, be it only of its mode, while the daemon runs. */
const STALE = ['daemon-age']

const ROOT_CONF = '/root/.config/nix/nix.conf'
/** Settings at the end of root's own nix.conf, which counts more. */
const inRootConf = (lines: string, more = '') =>
  byCommand(
    `cp -p /etc/nix/nix.conf /srv/n; cp -p ${ROOT_CONF} /srv/r; printf '${lines}\\n' >>${ROOT_CONF}; printf '${more}' >>/etc/nix/nix.conf`,
    `cp -p /srv/n /etc/nix/nix.conf; cp -p /srv/r ${ROOT_CONF}`,
  )

const SETTINGS: readonly Hole[] = [
  { name: 'builds without a sandbox', make: inConf('sandbox = false'), doors: ['sandbox', 'effects'] },
  { name: 'a relaxed sandbox', make: inConf('build-use-sandbox = relaxed'), doors: ['sandbox'] },
  { name: 'falling back to none', make: inConf('sandbox-fallback = true'), doors: ['sandbox-fallback'] },
  { name: 'no signatures', make: inConf('require-sigs = false'), doors: ['require-sigs'] },
  {
    name: 'one substituter more',
    make: inConf('extra-substituters = https://x.example'),
    doors: ['substituters'],
  },
  {
    name: 'one that users may add',
    make: inConf('trusted-substituters = https://x.example'),
    doors: ['trusted-substituters'],
  },
  {
    name: 'a store that is believed',
    make: inConf('extra-substituters = file:///srv/x?trusted=1'),
    doors: ['substituters', 'trusted-stores'],
  },
  {
    name: 'one key more',
    make: inConf(
      'extra-trusted-public-keys = cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=',
    ),
    doors: ['trusted-public-keys'],
  },
  { name: 'remembered narinfos', make: inConf('narinfo-cache-positive-ttl = 3600'), doors: ['narinfo-ttl'] },
  { name: 'a trusted user', make: inConf('extra-trusted-users = alice'), doors: ['trusted-users'] },
  { name: "a flake's settings", make: inConf('accept-flake-config = true'), doors: ['accept-flake-config'] },
  {
    name: 'derivations that nobody can sign',
    make: inConf('extra-experimental-features = impure-derivations'),
    doors: ['experimental-features'],
  },
  {
    name: "the gate's key as the builder's",
    make: inConf('secret-key-files = /var/lib/nixsig/gate.secret'),
    doors: ['secret-key-files'],
  },
  { name: 'no pre-build hook', make: inConf('pre-build-hook ='), doors: ['pre-build-hook'] },
  {
    name: "somebody's pre-build hook",
    make: inConf('pre-build-hook = /bin/true'),
    doors: ['pre-build-hook', 'effects'],
  },
  { name: 'no post-build hook', make: inConf('post-build-hook ='), doors: ['post-build-hook'] },
  {
    name: 'no front for builds',
    make: inRootConf('build-hook = /srv/decline'),
    doors: ['build-hook', 'builders', 'effects'],
  },
  {
    name: 'no plugin',
    make: inConf('plugin-files ='),
    doors: ['plugin-files', 'plugin-loaded', 'import-by-root'],
  },
  {
    name: 'nothing of nixsig at all',
    make: inRootConf(
      'build-hook = /srv/decline',
      'pre-build-hook =\\npost-build-hook =\\nbuilders =\\nplugin-files =\\n',
    ),
    doors: [
      'pre-build-hook',
      'post-build-hook',
      'build-hook',
      'plugin-files',
      'plugin-loaded',
      'import-by-root',
      'build-by-root',
      'kept-build-by-root',
    ],
  },
  {
    name: 'an include that is gone',
    make: inConf('include /etc/nix/gone.conf'),
    doors: ['nix.conf', 'sandbox', 'substituters', 'plugin-loaded', 'import-by-root', 'build-by-root'],
    also: ['*'],
  },
]

const ELSEWHERE: readonly Hole[] = [
  {
    name: "settings of root's own",
    make: inRootConf('sandbox = false'),
    doors: ['sandbox', 'effects'],
  },
  {
    name: 'a nix.conf that others may write',
    make: byCommand('chmod 666 /etc/nix/nixsig.conf', 'chmod 644 /etc/nix/nixsig.conf'),
    doors: ['nix.conf-protection'],
  },
  {
    name: 'a flake that root said yes to',
    make: byCommand(
      `mkdir -p /root/.local/share/nix; echo '{"substituters":{"x":true}}' >/root/.local/share/nix/trusted-settings.json`,
      'rm -r /root/.local',
    ),
    doors: ['accept-flake-config'],
  },
  {
    name: 'a hook that cannot be run',
    make: byCommand(
      'chmod -x /opt/nixsig/native/pre-build-hook',
      'chmod +x /opt/nixsig/native/pre-build-hook',
    ),
    doors: ['pre-build-hook'],
  },
  {
    name: 'a hook that others may write',
    make: byCommand(
      'chmod o+w /opt/nixsig/native/post-build-hook',
      'chmod o-w /opt/nixsig/native/post-build-hook',
    ),
    doors: ['post-build-hook', 'bundle'],
  },
  {
    name: "a part of the hooks that is not root's",
    make: byCommand('chown alice /opt/nixsig/decide.js', 'chown root /opt/nixsig/decide.js'),
    doors: ['bundle'],
  },
  {
    name: 'a secret key that others may read',
    make: byCommand('chmod 644 /var/lib/nixsig/gate.secret', 'chmod 600 /var/lib/nixsig/gate.secret'),
    doors: ['state'],
  },
  {
    name: 'a ledger that others may write',
    make: byCommand(
      'mkdir -p /var/lib/nixsig/ledger; chmod 777 /var/lib/nixsig/ledger',
      'chmod 755 /var/lib/nixsig/ledger',
    ),
    doors: ['state'],
  },
  {
    name: 'a policy that others may write',
    make: byCommand('chmod 666 /etc/nixsig/policy.toml', 'chmod 644 /etc/nixsig/policy.toml'),
    doors: ['policy', 'mode'],
    also: ['*'],
  },
  {
    name: 'a single-user store',
    make: byCommand('chown alice /nix/store', 'chown root /nix/store'),
    doors: ['store'],
  },
  {
    name: 'a clock that is behind',
    make: byCommand('touch -d 2099-01-01 /var/lib/nixsig/future', 'rm /var/lib/nixsig/future'),
    doors: ['clock'],
  },
  {
    name: 'an exemption that ends soon',
    make: async world => {
      const soon = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10)
      world.write(
        '/etc/nixsig/policy.toml.more',
        `[[exemptions]]\nname = "x"\nkind = "output"\nreason = "r"\nuntil = ${soon}\n`,
      )
      await world.output(
        'cp -p /etc/nixsig/policy.toml /etc/nixsig/old; cat /etc/nixsig/policy.toml.more >>/etc/nixsig/policy.toml',
      )
      return 'mv /etc/nixsig/old /etc/nixsig/policy.toml; rm /etc/nixsig/policy.toml.more'
    },
    doors: ['policy-dates'],
  },
  {
    name: 'warn mode',
    make: byCommand(
      'cp -p /etc/nixsig/policy.toml /etc/nixsig/old; sed -i s/enforce/warn/ /etc/nixsig/policy.toml',
      'mv /etc/nixsig/old /etc/nixsig/policy.toml',
    ),
    doors: [
      'mode',
      'import-by-root',
      'import-by-daemon',
      'build-by-root',
      'build-by-daemon',
      'kept-build-by-root',
      'kept-build-by-daemon',
    ],
  },
  // The daemon keeps the old one, so this one is last.
  {
    name: 'a plugin that was replaced while the daemon runs',
    make: byCommand('cd /opt/nixsig/native && cp nixsig-plugin.so x && mv x nixsig-plugin.so', 'true'),
    doors: ['plugin-loaded'],
  },
]

test('a Nix that is not mended by its number is told, until somebody says that it is', () =>
  withGuardedWorld('bookworm', async ({ world }) => {
    const doors = await world.run('/opt/nixsig/nixsig doctor --quiet')
    assert.equal(doors.status, 1)
    assert.match(
      doors.stdout,
      /^open +nix-advisories: by its number nix \(Nix\) 2\.8\.\d+ is not mended for CVE-2024-38531/m,
    )
    const wrong = await world.run('/opt/nixsig/nixsig doctor --mended CVE-2024-0000')
    assert.equal(wrong.status, 2)
    assert.match(wrong.stderr, /CVE-2024-0000 is not an advisory that nixsig knows/)
  }))

for (const version of EVERY_VERSION) {
  test(`${version}: every door of a machine that is set up is closed, and nothing is left of trying them`, () =>
    withGuardedWorld(version, async ({ world }) => {
      world.write('/usr/local/bin/nixsig', `#!/bin/sh\nexec /opt/nixsig/nixsig "$@" ${MENDED}\n`, 0o755)
      const before = await files(world)
      const { status, doors, holes } = await examine(world)
      assert.deepEqual(holes, [], JSON.stringify([...doors.values()], null, 2))
      assert.equal(status, 0)
      for (const door of ['import-by-root', 'build-by-root', 'build-by-daemon']) {
        assert.match(doors.get(door)?.detail ?? '', /^nixsig: refused \/nix\/store\/\S+-nixsig-doctor-/, door)
      }
      const effects = doors.get('effects')?.detail ?? ''
      for (const who of ['root', 'nix-daemon'])
        assert.match(
          effects,
          new RegExp(`${who}: seen at work: plugin-files, build-hook, pre-build-hook, sandbox`),
        )
      assert.deepEqual((await world.run(`${DOCTOR} --quiet`)).stdout, '')
      await runAll(world, commandsOf('docs/how-to/doctor.md'))
      assert.deepEqual(await files(world), before)
    }))

  test(`${version}: each hole in nix.conf is found`, () =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      // A build hook that leaves every build to its caller.
      world.write('/srv/decline', '#!/bin/sh\necho "# decline-permanently" >&2\ncat >/dev/null\n', 0o755)
      for (const hole of SETTINGS)
        await findHole(guarded, { ...hole, also: [...STALE, ...(hole.also ?? [])] })
    }))

  test(`${version}: each hole elsewhere is found`, () =>
    withGuardedWorld(version, async guarded => {
      for (const hole of ELSEWHERE)
        await findHole(guarded, { ...hole, also: [...STALE, ...(hole.also ?? [])] })
    }))

  test(`${version}: a daemon that was told otherwise is found, and so is one that was not restarted`, () =>
    withGuardedWorld(version, async ({ world }) => {
      await stopDaemon(world)
      const told = await world.startDaemon({ env: { NIX_CONFIG: 'sandbox = false\nplugin-files =' } })
      const { holes, doors } = await examine(world)
      assert.deepEqual(holes, [
        'daemon-overrides',
        'plugin-files',
        'plugin-loaded',
        'sandbox',
        'import-by-daemon',
        'effects',
      ])
      assert.match(doors.get('sandbox')?.detail ?? '', /^nix-daemon: sandbox = false$/)
      await told.stop()
      await world.startDaemon()
      assert.deepEqual((await examine(world)).holes, [])
      inConf('cores = 1')(world)
      assert.deepEqual((await examine(world)).holes, ['daemon-age'])
    }))

  test(`${version}: without a daemon its doors do not apply`, () =>
    withGuardedWorld(version, async ({ world }) => {
      await stopDaemon(world)
      const { holes, doors } = await examine(world)
      assert.deepEqual(holes, [])
      for (const door of ['daemon-age', 'import-by-daemon', 'build-by-daemon'])
        assert.equal(doors.get(door)?.state, 'not applicable')
    }))

  test(`${version}: what root's own shell tells Nix is seen`, () =>
    withGuardedWorld(version, async ({ world }) => {
      const { holes } = await examine(world, { NIX_CONFIG: 'plugin-files =\nrequire-sigs = false' })
      assert.deepEqual(holes, ['plugin-files', 'plugin-loaded', 'require-sigs', 'import-by-root'])
    }))

  test(`${version}: a gate that is gone, and one that hangs`, () =>
    withGuardedWorld(version, async ({ world, gate }) => {
      const before = await files(world)
      const hanging = await whileStopped(gate.pid, () => examine(world))
      assert.ok(
        hanging.holes.includes('gate-socket') && hanging.holes.includes('gate-http'),
        String(hanging.holes),
      )
      assert.deepEqual(await files(world), before)
      await gate.end('SIGTERM')
      assert.deepEqual((await examine(world)).holes, ['gate-socket', 'gate-http'])
    }))
}

test('trixie: a daemon that reads no file of root’s forgets the build-hook, and is told it by NIX_CONFIG', () =>
  withGuardedWorld('trixie', async ({ world }) => {
    await stopDaemon(world)
    const forgetful = await world.startDaemon({ env: { NIX_USER_CONF_FILES: '/srv/none' } })
    const { doors, holes } = await examine(world)
    assert.deepEqual(holes, ['nix.conf', 'build-hook', 'builders', 'effects'])
    assert.match(doors.get('build-hook')?.detail ?? '', /^nix-daemon: \S+nix is not nixsig's build-hook$/)
    assert.match(doors.get('effects')?.detail ?? '', /nix-daemon asked the pre-build-hook in its place/)
    await forgetful.stop()
    const env = { NIX_USER_CONF_FILES: '/srv/none', NIX_CONFIG: 'build-hook = /opt/nixsig/build-hook' }
    await world.startDaemon({ env })
    assert.deepEqual((await examine(world)).holes, [])
  }))

test('a policy that lets be built here what nobody signed is judged by, and leaves nothing', () =>
  withGuardedWorld('sid', async ({ world }) => {
    const policy = world.read('/etc/nixsig/policy.toml')
    world.write(
      '/etc/nixsig/policy.toml',
      policy.replace('derivation = "packager", output', 'derivation = "nothing", output'),
    )
    const before = await files(world)
    const { holes, doors } = await examine(world)
    assert.deepEqual(holes, [])
    assert.match(doors.get('build-by-root')?.detail ?? '', /^note: it was judged/)
    assert.deepEqual(await files(world), before)
  }))

test('attack: whoever interrupts the doctor does not make it leave anything behind', () =>
  withGuardedWorld('sid', async ({ world }) => {
    inConf('plugin-files =')(world)
    const before = await files(world)
    for (const seconds of ['0.3', '0.5', '0.7']) {
      await world.run(`timeout --signal INT ${seconds} ${DOCTOR}`)
      assert.deepEqual(await files(world), before, seconds)
    }
  }))

test('only root can have his machine examined', () =>
  withGuardedWorld('bookworm', async ({ world }) => {
    const { status, stderr } = await world.run(DOCTOR, { user: 'alice' })
    assert.equal(status, 2)
    assert.match(stderr, /^nixsig: the doctor looks at what only root can see/)
  }))

/** Makes a hole, has it found, and mends it. Nothing of what came in by it may be left. */
async function findHole({ world }: GuardedWorld, { name, make, doors, also = [] }: Hole): Promise<void> {
  const conf = world.read('/etc/nix/nix.conf')
  const mend = await make(world)
  const before = await files(world)
  const { status, holes } = await examine(world)
  assert.equal(status, 1, name)
  for (const door of doors) assert.ok(holes.includes(door), `${name}: ${door} is not among ${holes}`)
  const more = holes.filter(door => !doors.includes(door) && !also.includes(door))
  if (!also.includes('*')) assert.deepEqual(more, [], name)
  assert.deepEqual(await files(world), before, name)
  if (mend === undefined) world.write('/etc/nix/nix.conf', conf)
  else await world.output(mend)
}

/** Stops a process for as long as something takes; nsenter, which started it, stops itself meanwhile. */
async function whileStopped<T>(pid: number, action: () => Promise<T>): Promise<T> {
  const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[3])
  process.kill(pid, 'SIGSTOP')
  try {
    return await action()
  } finally {
    for (const stopped of [parent, pid]) process.kill(stopped, 'SIGCONT')
  }
}

/** The one of this world, which has process numbers of its own. */
async function stopDaemon(world: World): Promise<void> {
  const daemons = 'grep -lsz "^nix-daemon" /proc/[0-9]*/cmdline | cut -d/ -f3'
  // What it started for a client may end by itself meanwhile.
  await world.output(`kill $(${daemons}) 2>/dev/null; while [ -n "$(${daemons})" ]; do sleep 0.05; done`)
}
