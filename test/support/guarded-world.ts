/**
 * A world with all of nixsig enabled, as `nixsig setup` leaves a machine: the hooks, the
 * build-hook, the store plugin, and the gate as Nix's only substituter. The hooks and the plugin
 * ask the gate's process.
 */
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { type Admission, readAdmission } from '../../src/ledger/admissions.ts'
import { settingsText } from '../../src/setup/settings.ts'
import { openStore, type PathInfo, type Store } from '../../src/store/store-client.ts'
import type { Daemon } from './daemon.ts'
import { freePort, GATE_STATE, type GateProcess, startGate } from './gate-process.ts'
import { built, packaged, policyText, publish, type Signer, setPolicy, signer } from './trust.ts'
import { serveUpstream, type UpstreamServer } from './upstream-server.ts'
import { nameBuildHook, type RunOptions, type Version, type World, withWorld } from './world.ts'

/** Signs sources and derivations. */
export const PACKAGER: Signer = signer('packager')
/** Builds outputs elsewhere, and signs the upstream's paths. */
export const BUILDER: Signer = signer('builder')
/** A signer whom no policy lists. */
export const STRANGER: Signer = signer('stranger')

/** The directory with the store and nix.conf of `elsewhere`. */
const ELSEWHERE = '/srv/elsewhere'

export interface GuardedWorld {
  readonly world: World
  readonly gate: GateProcess
  /** The binary cache behind the gate; see `stock`. */
  readonly upstream: UpstreamServer
  /** The daemon's output so far, with the refusals of the plugin and the hooks. */
  daemonLog(): string
  /**
   * Instantiates an expression as root without building; returns the paths of the first derivation
   * and its output.
   */
  instantiate(name: string, expression: string): Promise<{ readonly drv: string; readonly out: string }>
  /** The path of the output `out` of a derivation in the store. */
  outputOf(drv: string): Promise<string>
  /**
   * Publishes the packager's attestations of these paths and of all derivations and sources in
   * their build graphs.
   */
  attest(...paths: readonly string[]): Promise<void>
  /** Publishes the builder's attestation of an output that is not in the store. */
  attestOutput(output: { readonly path: string; readonly narHash: string; readonly drv: string }): void
  /**
   * Options to run Nix as another machine without nixsig, whose store is under `/srv/elsewhere`.
   */
  readonly elsewhere: RunOptions
  /** Options with which root runs Nix on this machine without nixsig. */
  readonly before: RunOptions
  isValid(path: string): Promise<boolean>
  /** What the system's store has registered about a path. */
  pathInfo(path: string): Promise<PathInfo | undefined>
  /** What it has registered about each of these paths, over one connection; leaves out invalid ones. */
  pathInfos(paths: readonly string[]): Promise<readonly PathInfo[]>
  /** The ledger's entry for a path. */
  admission(path: string): Admission | undefined
}

/** Runs `use` in such a world, and ends everything that was started for it. */
export async function withGuardedWorld(
  version: Version,
  use: (guarded: GuardedWorld) => Promise<void>,
  /** Prepares the world first: the daemon does not see what is mounted later. */
  prepare: (world: World) => Promise<void> = async () => {},
): Promise<void> {
  const upstream = await serveUpstream([])
  try {
    await withWorld(version, { resident: 'none', nixConf: OWN_SETTINGS }, async world => {
      await prepare(world)
      await setPolicy(world, policy(await freePort(), upstream))
      const gate = await startGate(world)
      try {
        writeElsewhere(world)
        putInForce(world, gate)
        const daemon = await world.startDaemon()
        await use(guardedIn(world, gate, upstream, daemon))
      } finally {
        await gate.end('SIGTERM')
      }
    })
  } finally {
    await upstream.close()
  }
}

/** Other settings in the machine's own nix.conf. */
const OWN_SETTINGS = {
  // For `nix develop`, which asks a bash in the sandbox for the build's environment.
  'sandbox-paths': '/bin/sh=/bin/busybox /srv /bin/bash /lib /lib64 /usr',
  // Nothing may be asked over the network.
  'flake-registry': '/srv/no-registry.json',
  // Only derivations that require this feature are built by the other machine.
  builders: 'ssh-ng://elsewhere - - 1 1 elsewhere elsewhere',
}

/** Writes the settings of `nixsig setup` to nix.conf. */
function putInForce(world: World, gate: GateProcess): void {
  const installation = {
    directory: '/opt/nixsig',
    program: '/opt/nixsig/nixsig',
    preBuildHook: '/opt/nixsig/native/pre-build-hook',
    postBuildHook: '/opt/nixsig/native/post-build-hook',
    buildHook: '/opt/nixsig/build-hook',
    plugin: '/opt/nixsig/native/nixsig-plugin.so',
  }
  const publicKey = world.read(`${GATE_STATE}/gate.pub`).trim()
  const text = settingsText({ installation, without: [], gate: { url: gate.url, publicKey } })
  world.write('/etc/nix/nixsig.conf', text)
  world.write('/etc/nix/nix.conf', `${world.read('/etc/nix/nix.conf')}include nixsig.conf\n`)
  nameBuildHook(world, installation.buildHook)
}

/**
 * Sources and derivations need the packager. Outputs need this machine or the builder. Nothing is
 * required of paths that Nix's own commands add to a user's packages: manifests, environments, and
 * the script with which `nix develop` reads the build environment.
 */
function policy(port: number, upstream: UpstreamServer): string {
  const owned = ['env-manifest.nix', 'get-env.sh', 'builder.sh', 'user-environment', '*-env']
  const rules = owned.map(
    name => `[[rules]]
match = { name = "${name}", kind = ["derivation", "local-source"] }
require = { source = "nothing", derivation = "nothing" }
`,
  )
  const rest = `[gate]
listen = "127.0.0.1:${port}"
upstreams = ["${upstream.url}"]
max-age = 0
negative-max-age = 0
[groups.makers]
members = ["self", "builder"]
threshold = 1
${rules.join('')}
[default]
require = { source = "packager", derivation = "packager", output = "makers" }
accept-unknown-derivation = true
`
  return policyText({ packager: [PACKAGER], builder: [BUILDER] }, rest)
}

/** The other machine: its configuration, and an ssh that always connects to it. */
function writeElsewhere(world: World): void {
  world.write('/srv/no-registry.json', '{ "flakes": [], "version": 2 }')
  world.write(
    `${ELSEWHERE}/conf/nix.conf`,
    `sandbox = true
sandbox-paths = /bin/sh=/bin/busybox /srv
build-users-group =
substituters =
experimental-features = nix-command flakes
system-features = elsewhere
`,
  )
  world.write('/usr/local/bin/ssh', SSH, 0o755)
}

/** root's own nix.conf names the build-hook as well, so it is not read here. */
const UNGUARDED = { NIX_CONF_DIR: `${ELSEWHERE}/conf`, NIX_USER_CONF_FILES: '/dev/null' }
const AS_ELSEWHERE = { NIX_REMOTE: `local?root=${ELSEWHERE}`, ...UNGUARDED }

/**
 * Nix waits for the output of a local command to know that it is logged in, and may ask for a
 * shared connection.
 */
const SSH = `#!/bin/sh
case "$*" in *'-O check'*) exit 1 ;; esac
case "$*" in *LocalCommand=*) echo started ;; esac
for last; do :; done
case $last in *nix-store* | *nix-daemon*) ;; *) last="$*"; last=\${last##* -- } ;; esac
exec env ${Object.entries(AS_ELSEWHERE)
  .map(([name, value]) => `'${name}=${value}'`)
  .join(' ')} sh -c "$last"
`

function guardedIn(world: World, gate: GateProcess, upstream: UpstreamServer, daemon: Daemon): GuardedWorld {
  /** A new connection for each question: a daemon process caches what it has read. */
  const ask = async <T>(question: (store: Store) => Promise<T>): Promise<T> => {
    const store = await openStore({ socket: world.path('/nix/var/nix/daemon-socket/socket') })
    try {
      return await question(store)
    } finally {
      store.close()
    }
  }
  const outputOf = async (drv: string) => (await ask(store => store.outputs(drv))).get('out') ?? ''
  const pathInfo = (path: string) => ask(store => store.pathInfo(path))
  return {
    world,
    gate,
    upstream,
    daemonLog: daemon.log,
    async instantiate(name, expression) {
      const file = `/srv/${name}.nix`
      world.write(file, expression)
      const drv = (await world.output(`nix-instantiate ${file} 2>/dev/null`)).split('\n')[0] ?? ''
      return { drv, out: await outputOf(drv) }
    },
    outputOf,
    attest: (...paths) =>
      ask(async store => {
        for (const { path, narHash } of await closure(store, paths))
          publish(world, path, packaged(PACKAGER, { path, narHash }))
      }),
    attestOutput: ({ path, narHash, drv }) => publish(world, path, built(BUILDER, { path, narHash }, drv)),
    elsewhere: { env: AS_ELSEWHERE },
    before: { env: UNGUARDED },
    isValid: async path => (await pathInfo(path)) !== undefined,
    pathInfo,
    pathInfos: paths =>
      ask(async store => {
        const found: PathInfo[] = []
        for (const path of paths) {
          const info = await store.pathInfo(path)
          if (info !== undefined) found.push(info)
        }
        return found
      }),
    admission: path => readAdmission(world.path(GATE_STATE), parseStorePath(path).digest, path),
  }
}

/** The registered info of these paths and of everything that they refer to. */
async function closure(store: Store, paths: readonly string[]): Promise<readonly PathInfo[]> {
  const found = new Map<string, PathInfo>()
  for (const waiting = [...paths]; ; ) {
    const path = waiting.pop()
    if (path === undefined) return [...found.values()]
    if (found.has(path)) continue
    const info = await store.pathInfo(path)
    if (info === undefined) throw new Error(`${path} is not valid, so nobody can sign it`)
    found.set(path, info)
    waiting.push(...info.references)
  }
}
