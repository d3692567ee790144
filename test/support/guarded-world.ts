/**
 * A world with all of nixsig in force, as `nixsig setup` leaves a machine: hooks, the front for the build-hook setting,
 * the store plugin, and the gate as Nix's only substituter, which the hooks and the plugin ask.
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
/** Makes outputs elsewhere, and signs what the upstream has. */
export const BUILDER: Signer = signer('builder')
/** In nobody's list. */
export const STRANGER: Signer = signer('stranger')

/** Where `elsewhere` keeps its store and its nix.conf. */
const ELSEWHERE = '/srv/elsewhere'

export interface GuardedWorld {
  readonly world: World
  readonly gate: GateProcess
  /** The binary cache behind the gate; see `stock`. */
  readonly upstream: UpstreamServer
  /** All that the daemon has written so far, in which the plugin and the hooks tell their refusals. */
  daemonLog(): string
  /** Makes the derivations of an expression, as root, and builds nothing: the path of the first, and of its output. */
  instantiate(name: string, expression: string): Promise<{ readonly drv: string; readonly out: string }>
  /** The packager's word on each of these paths, and on all derivations and sources that they are built from. */
  attest(...paths: readonly string[]): Promise<void>
  /** The builder's word on an output that is not here. */
  attestOutput(output: { readonly path: string; readonly narHash: string; readonly drv: string }): void
  /** How to run Nix as another machine that nothing of nixsig guards, whose store lies under `/srv/elsewhere`. */
  readonly elsewhere: RunOptions
  /** How root runs Nix on this machine as it was before nixsig came to it. */
  readonly before: RunOptions
  isValid(path: string): Promise<boolean>
  /** What the system's store has registered of a path. */
  pathInfo(path: string): Promise<PathInfo | undefined>
  /** What the ledger has of a path. */
  admission(path: string): Admission | undefined
}

/** Lets `use` live in such a world, and ends all that was started for it. */
export async function withGuardedWorld(
  version: Version,
  use: (guarded: GuardedWorld) => Promise<void>,
  /** What the world is like before any of that is in it: what is mounted later, the daemon does not see. */
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

/** What a machine's own nix.conf says besides. */
const OWN_SETTINGS = {
  // For `nix develop`, which asks a bash in the sandbox what a build would see.
  'sandbox-paths': '/bin/sh=/bin/busybox /srv /bin/bash /lib /lib64 /usr',
  // Nothing is ever asked of the network.
  'flake-registry': '/srv/no-registry.json',
  // What asks for this feature is built by the other machine, and nothing else is.
  builders: 'ssh-ng://elsewhere - - 1 1 elsewhere elsewhere',
}

/** All that `nixsig setup` would put into nix.conf. */
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
 * Sources and derivations need the packager. Outputs were made here, or by the builder. Nobody has to sign what Nix's
 * own commands add to a user's packages: manifests, environments, and the script by which `nix develop` looks around.
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

/** The other machine: its configuration, and an ssh that reaches it whoever is called. */
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

/** Root's own nix.conf names the build-hook as well. */
const UNGUARDED = { NIX_CONF_DIR: `${ELSEWHERE}/conf`, NIX_USER_CONF_FILES: '/dev/null' }
const AS_ELSEWHERE = { NIX_REMOTE: `local?root=${ELSEWHERE}`, ...UNGUARDED }

/** Nix waits for one word of a local command, by which it knows that the other side let it in, and may ask for a connection to share. */
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
  /** A connection for each question: a daemon's process remembers what it once saw. */
  const ask = async <T>(question: (store: Store) => Promise<T>): Promise<T> => {
    const store = await openStore({ socket: world.path('/nix/var/nix/daemon-socket/socket') })
    try {
      return await question(store)
    } finally {
      store.close()
    }
  }
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
      const outputs = await ask(store => store.outputs(drv))
      return { drv, out: outputs.get('out') ?? '' }
    },
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
    admission: path => readAdmission(world.path(GATE_STATE), parseStorePath(path).digest, path),
  }
}

/** What the store has registered of these paths and all that they refer to. */
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
