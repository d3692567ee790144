/**
 * The world of an end-to-end test: to everything in it, a separate machine with a real Nix. It has
 * an empty /nix, /etc/nix/nix.conf as below, no policy yet, and dist/ as /opt/nixsig; the checkout
 * is hidden. Builds see /srv, so that builtin:fetchurl, which runs in the sandbox, can fetch
 * file:///srv/….
 */
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { withBuildHook } from '../../src/setup/root-conf.ts'
import { type CommandOptions, type Outcome, runCommand } from './command.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { copyDist } from './dist.ts'
import { eventually } from './eventually.ts'
import { insideRoot } from './inside.ts'
import { openNamespace, type Version } from './namespace.ts'
import { HAS_RESIDENT, withResident } from './resident.ts'

export type { Outcome } from './command.ts'
export type { Daemon } from './daemon.ts'
export type { Version } from './namespace.ts'

/** The oldest and the newest Nix that nixsig works with: for what Nix and nixsig do together. */
export const VERSIONS: readonly Version[] = ['bookworm', 'sid']

/**
 * Also Debian 13's Nix, for behaviour of Nix that differs between versions: how it builds, copies,
 * and reads its settings.
 */
export const EVERY_VERSION: readonly Version[] = ['bookworm', 'trixie', 'sid']

/**
 * One of them, for what no Nix does differently: signatures, keys, checksums, policies, caches that
 * a gate asks.
 */
export const OLDEST: readonly Version[] = ['bookworm']
export const NEWEST: readonly Version[] = ['sid']

/**
 * For the files that both judges run: hooks judge under the oldest Nix, a resident process under
 * the newest.
 */
export const JUDGED: readonly Version[] = HAS_RESIDENT ? NEWEST : OLDEST
/** For those of them in which Nix itself may differ: hooks judge under both. */
export const JUDGED_WITH_NIX: readonly Version[] = HAS_RESIDENT ? NEWEST : VERSIONS

/** `alice` and `mallory` are plain users, not trusted by Nix, with a home each. */
export type User = 'root' | 'alice' | 'mallory'

const USER_IDS: Readonly<Record<User, number>> = { root: 0, alice: 1000, mallory: 1001 }

export interface WorldOptions {
  /** Lines of nix.conf that are added to or replace the ones below. */
  readonly nixConf?: Readonly<Record<string, string>>
  /** False leaves out the hooks and /opt/nixsig: only Nix. */
  readonly hooks?: boolean
  /**
   * What the second run of the tests does with a world that has hooks. By default a resident
   * process judges, and the hooks lack the files with which they could judge themselves. `may-end`:
   * they have these files, for a test that ends the resident process. `none`: as in the first run,
   * for a test of the hooks themselves.
   */
  readonly resident?: 'may-end' | 'none'
}

export interface RunOptions {
  readonly user?: User
  /**
   * Added to a small clean environment (PATH, HOME, USER, LANG). Nothing is inherited from the test
   * process.
   */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  /** Milliseconds; two minutes by default. */
  readonly timeout?: number
}

export interface World {
  readonly version: Version
  /** The version that `nix --version` prints: `2.8.0`. */
  readonly nixVersion: string
  /**
   * Runs a program, or a line of shell, in its user's home directory. Any exit status is a result.
   */
  run(command: string | readonly string[], options?: RunOptions): Promise<Outcome>
  /**
   * Runs a command that must succeed; returns its standard output, trimmed. Throws with all its
   * output if it fails.
   */
  output(command: string | readonly string[], options?: RunOptions): Promise<string>
  /** Writes a file as root, making missing directories; mode 644 by default. */
  write(path: string, contents: string | Uint8Array, mode?: number): void
  /** Reads a text file as root. */
  read(path: string): string
  /** Whether the path exists; a broken symbolic link does. */
  exists(path: string): boolean
  /**
   * The path outside the world of a path in it (symbolic links followed); valid while the world
   * exists.
   */
  path(path: string): string
  /**
   * The command line that runs a program in the world as root, for a test that spawns it itself.
   */
  enter(command: readonly string[]): readonly [string, ...string[]]
  /**
   * Starts nix-daemon as root and waits until it answers. root uses it only with NIX_REMOTE=daemon;
   * other users always do.
   */
  startDaemon(options?: { readonly env?: Readonly<Record<string, string>> }): Promise<Daemon>
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const NIX_CONF: Readonly<Record<string, string>> = {
  sandbox: 'true',
  'sandbox-fallback': 'false',
  'sandbox-paths': '/bin/sh=/bin/busybox /srv',
  'build-users-group': '',
  // Nix 2.34 asks each waiting build again whenever one ends, so hundreds of them in two slots take
  // half a minute.
  'max-jobs': '8',
  substituters: '',
  'experimental-features': 'nix-command flakes',
}

/**
 * Names the build-hook in root's own nix.conf as well, as `nixsig setup` does: Nix 2.25 to 2.33
 * reads it only there.
 */
export function nameBuildHook(world: Pick<World, 'write'>, hook: string | undefined): void {
  if (hook !== undefined) world.write('/root/.config/nix/nix.conf', withBuildHook('', hook))
}

/**
 * The hook settings of a world: where a resident process judges, the thin hooks, which ask nothing
 * else.
 */
function hooksConf({ resident }: WorldOptions): Readonly<Record<string, string>> {
  const directory = HAS_RESIDENT && resident !== 'none' ? '/opt/nixsig/native' : '/opt/nixsig'
  return {
    'pre-build-hook': `${directory}/pre-build-hook`,
    'post-build-hook': `${directory}/post-build-hook`,
  }
}

/**
 * Makes a world (about 100 ms), runs `use` in it, and removes it with everything that still runs in
 * it.
 */
export async function withWorld<T>(
  version: Version,
  options: WorldOptions,
  use: (world: World) => Promise<T>,
): Promise<T> {
  const namespace = await openNamespace(version)
  try {
    const world = worldIn(version, namespace.pid)
    const hooks = options.hooks ?? true
    if (hooks) copyDist(world.path('/opt/nixsig'))
    const settings = { ...NIX_CONF, ...(hooks ? hooksConf(options) : {}), ...options.nixConf }
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
    world.write('/etc/nix/nix.conf', lines.join(''))
    nameBuildHook(world, options.nixConf?.['build-hook'])
    const nixVersion = await nixVersionOf(world)
    const live = () => use({ ...world, nixVersion })
    if (!hooks || !HAS_RESIDENT || options.resident === 'none') return await live()
    const mayEnd = options.resident === 'may-end'
    if (!mayEnd) rmSync(world.path('/opt/nixsig/judge.js'))
    return await withResident(world, mayEnd, live)
  } finally {
    await namespace.close()
  }
}

/**
 * Makes a world with systemd as its first process, like a freshly booted machine: no nixsig, no
 * nix.conf, nix-daemon not started. Runs `use` in it, and removes it like `withWorld`.
 */
export async function withMachine<T>(version: Version, use: (world: World) => Promise<T>): Promise<T> {
  const namespace = await openNamespace(version, 'systemd')
  try {
    const world = worldIn(version, namespace.pid)
    await eventually('systemd listens', () => world.exists('/run/systemd/private'))
    const state = await world.run('systemctl is-system-running --wait')
    if (state.status !== 0) {
      const { stdout } = await world.run(
        'systemctl --failed --no-legend --plain; journalctl --no-pager -n 30',
      )
      throw new Error(`systemd did not come up: ${state.stdout}${state.stderr}${stdout}`)
    }
    const nixVersion = await nixVersionOf(world)
    return await use({ ...world, nixVersion })
  } finally {
    await namespace.close()
  }
}

/** What `nix --version` said in the first world of each root. */
const nixVersions = new Map<Version, string>()

async function nixVersionOf({ version, output }: Omit<World, 'nixVersion'>): Promise<string> {
  const known = nixVersions.get(version)
  if (known !== undefined) return known
  const said = (await output(['nix', '--version'])).split(' ').at(-1) ?? ''
  nixVersions.set(version, said)
  return said
}

function worldIn(version: Version, pid: number): Omit<World, 'nixVersion'> {
  const root = `/proc/${pid}/root`
  const nsenter = ['nsenter', '--target', String(pid), '--mount', '--pid'] as const

  function run(command: string | readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const user = options.user ?? 'root'
    const home = user === 'root' ? '/root' : `/home/${user}`
    const id = USER_IDS[user]
    const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command
    const settings: CommandOptions = {
      env: { PATH, HOME: home, USER: user, LANG: 'C.UTF-8', ...options.env },
      timeout: options.timeout ?? 120_000,
      ...(options.input === undefined ? {} : { input: options.input }),
    }
    const become = id === 0 ? [] : [`--setuid=${id}`, `--setgid=${id}`]
    return runCommand([...nsenter, ...become, 'env', `--chdir=${home}`, ...argv], settings)
  }

  return {
    version,
    run,
    async output(command, options) {
      const { status, stdout, stderr } = await run(command, options)
      if (status !== 0) throw new Error(`${command} ended with ${status}\n${stdout}${stderr}`)
      return stdout.trim()
    },
    write(path, contents, mode = 0o644) {
      const file = insideRoot(root, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, contents)
      chmodSync(file, mode)
    },
    read: path => readFileSync(insideRoot(root, path), 'utf8'),
    exists: path => lstatSync(insideRoot(root, path, false), { throwIfNoEntry: false }) !== undefined,
    path: path => insideRoot(root, path),
    enter: command => [...nsenter, ...command],
    startDaemon: options =>
      // Like systemd's unit. The process of each connection shows its client in place of the
      // option.
      startDaemon([...nsenter, 'nix-daemon', '--daemon'], root, {
        PATH,
        HOME: '/root',
        USER: 'root',
        ...options?.env,
      }),
  }
}
