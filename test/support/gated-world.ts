/** A world whose Nix gets everything from a gate in front of three binary caches. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { type Admission, readAdmission } from '../../src/ledger/admissions.ts'
import { freePort, GATE_STATE, type GateProcess, startGate, useGate } from './gate-process.ts'
import { policyText, type Signer, setPolicy, signer } from './trust.ts'
import { serveUpstream, type UpstreamServer } from './upstream-server.ts'
import { type Outcome, type Version, type World, withWorld } from './world.ts'

/** The keys of the three caches, and one that no policy lists. */
export const [ALPHA, BETA, GAMMA, MALLORY] = ['alpha', 'beta', 'gamma', 'mallory'].map(signer) as [
  Signer,
  Signer,
  Signer,
  Signer,
]

/** Waits until a gate looks again at the files that its answers rest on (docs/semantics.md, G11). */
export const untilLooked = (): Promise<void> => sleep(10)

export interface GatedWorld {
  readonly world: World
  readonly caches: readonly [UpstreamServer, UpstreamServer, UpstreamServer]
  gate: GateProcess
  /** Sets a policy by which outputs need `threshold` of the three caches; `more` is added to it. */
  trust(threshold: number, more?: string, mode?: 'enforce' | 'warn'): Promise<void>
  /** Makes Nix realise a path, as alice through the daemon. */
  realise(path: string): Promise<Outcome>
  isValid(path: string): Promise<boolean>
  /** The ledger's entry for a path. */
  admission(path: string): Admission | undefined
}

/** Runs `use` in such a world. `gateOptions`: lines of `[gate]`. */
export async function withGatedWorld(
  version: Version,
  gateOptions: string,
  use: (gated: GatedWorld) => Promise<void>,
): Promise<void> {
  const caches = [await serveUpstream([]), await serveUpstream([]), await serveUpstream([])] as const
  try {
    await withWorld(version, {}, async world => {
      const port = await freePort()
      const upstreams = caches.map(({ url }) => `"${url}"`).join(', ')
      const own = gateOptions.includes('upstreams') ? '' : `upstreams = [${upstreams}]\n`
      const trust: GatedWorld['trust'] = (threshold, more = '', mode = 'enforce') =>
        setPolicy(
          world,
          policyText(
            { alpha: [ALPHA], beta: [BETA], gamma: [GAMMA] },
            `[gate]
listen = "127.0.0.1:${port}"
${own}${gateOptions}
[groups.caches]
members = ["alpha", "beta", "gamma"]
threshold = ${threshold}
${more}
[default]
require = { source = "nothing", derivation = "nothing", output = "caches" }
accept-unknown-derivation = true
`,
            mode,
          ),
        )
      await trust(1)
      const gate = await startGate(world)
      useGate(world, gate.url, world.read(`${GATE_STATE}/gate.pub`).trim())
      await world.startDaemon()
      const gated: GatedWorld = {
        world,
        caches,
        gate,
        trust,
        realise: path => world.run(['nix-store', '--realise', path], { user: 'alice' }),
        isValid: async path => (await world.run(['nix-store', '--check-validity', path])).status === 0,
        admission: path => readAdmission(world.path(GATE_STATE), parseStorePath(path).digest, path),
      }
      try {
        await use(gated)
      } finally {
        await gated.gate.end('SIGTERM')
      }
    })
  } finally {
    for (const cache of caches) await cache.close()
  }
}

/** Adds these paths to a cache. */
export function stock(cache: UpstreamServer, ...paths: Parameters<typeof serveUpstream>[0]): void {
  for (const { digest, narinfo, url, nar } of paths)
    cache.files.set(`${digest}.narinfo`, narinfo).set(url, nar)
}
