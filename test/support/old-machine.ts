/** A machine that existed before nixsig: its store was filled without hooks. */
import assert from 'node:assert/strict'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import * as nix from './expressions.ts'
import { instantiate } from './scene.ts'
import { policyText, setPolicy, signer } from './trust.ts'
import { type Version, type World, withWorld } from './world.ts'

/** Options of Nix by which no hook sees a build. */
export const NO_HOOKS = "--option pre-build-hook '' --option post-build-hook ''"
export const CACHE = signer('cache')
/** A script that never makes the same twice. */
export const RANDOM = 'read random </proc/sys/kernel/random/uuid; echo $random > $out'
/** The rest of its policy: this machine or the cache has to have made an output. */
export const REST = `[groups.makers]
members = ["self", "cache"]
threshold = 1
[default]
require = { source = "nothing", derivation = "nothing", output = "makers" }
accept-unknown-derivation = true
`

/** A machine that existed before: hooks are in force now, and the policy warns. */
export interface OldMachine {
  readonly world: World
  /** Builds without hooks; returns the output. */
  make(expression: string): Promise<string>
  /** Makes what somebody else built: in a signed cache and fetched, or copied in without a signature. */
  bring(name: string, how: 'signed' | 'unsigned'): Promise<string>
  adopt(args: string): ReturnType<World['run']>
  verify(path: string): ReturnType<World['run']>
}

/** Makes such a machine. */
export async function withOldMachine(
  version: Version,
  use: (machine: OldMachine) => Promise<void>,
): Promise<void> {
  await withWorld(version, { resident: 'none' }, async world => {
    await world.output('ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
    world.write('/root/cache.secret', `${printNixSecretKey(CACHE.key)}\n`, 0o600)
    await setPolicy(world, policyText({ cache: [CACHE] }, REST, 'warn'))
    const make = async (expression: string) => {
      const { drv, out } = await instantiate(world, expression)
      await world.output(`nix-store --realise ${NO_HOOKS} ${drv}`)
      return out
    }
    await use({
      world,
      make,
      async bring(name, how) {
        const out = await make(nix.derivation(name))
        const key = how === 'signed' ? '?secret-key=/root/cache.secret' : ''
        await world.output(`nix copy --to 'file:///srv/${how}${key}' ${out}
          drv=$(nix-store -q --deriver ${out}); nix-store --delete ${out} $drv
          nix copy --no-check-sigs --from file:///srv/${how} ${out}`)
        return out
      },
      adopt: args => world.run(`nixsig adopt ${args}`, { timeout: 300_000 }),
      verify: path => world.run(`nixsig verify --recursive ${path}`),
    })
  })
}

/** An output that refers to outputs of derivations, and to paths that only the store knows. */
export function top(inputs: readonly string[], paths: readonly string[]): string {
  return nix.withInputs('top', [...inputs, ...paths.map(path => `(builtins.storePath ${path})`)])
}

/** The path with this name in a closure. */
export async function pathOf(world: World, root: string, name: string): Promise<string> {
  const all = (await world.output(`nix-store -qR ${root}`)).split('\n')
  return all.find(path => path.endsWith(`-${name}`)) ?? assert.fail(all.join('\n'))
}
