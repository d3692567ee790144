/**
 * A world that gets paths from another store, which was never guarded: `/srv/other`. A builder's Nix
 * key signs there. The world has the store plugin and a gate, and no hooks.
 */
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import * as nix from './expressions.ts'
import { startResident } from './resident.ts'
import { policyText, type Signer, setPolicy, signer } from './trust.ts'
import { type Version, type World, withWorld } from './world.ts'

export const BUILDER = signer('builder')
export const STRANGER = signer('stranger')
const UNGUARDED = "--option plugin-files '' --option pre-build-hook '' --option post-build-hook ''"
export const OTHER = `${UNGUARDED} --store /srv/other`

/** Outputs need the builder; nobody knows their derivations. */
const RULES = `[default]
require = { source = "nothing", derivation = "nothing", output = "builder" }
accept-unknown-derivation = true
`

export interface CopiedWorld {
  readonly world: World
  policy(more?: string, mode?: 'enforce' | 'warn'): Promise<void>
  /** Makes an output in the other store. */
  make(name: string, expression: string): Promise<string>
  /** Adds a signature to these paths of the other store, and to nothing that they refer to. */
  sign(by: Signer, ...paths: readonly string[]): Promise<void>
  isValid(path: string): Promise<boolean>
}

/** Runs `use` in such a world with a daemon. */
export async function withCopies(
  version: Version,
  use: (copied: CopiedWorld) => Promise<void>,
  nixConf: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withWorld(version, { resident: 'none', nixConf }, async world => {
    const policy = (more = '', mode: 'enforce' | 'warn' = 'enforce') =>
      setPolicy(world, policyText({ builder: [BUILDER] }, more + RULES, mode))
    await policy()
    const conf = world.read('/etc/nix/nix.conf')
    world.write('/etc/nix/nix.conf', `${conf}plugin-files = /opt/nixsig/native/nixsig-plugin.so\n`)
    const resident = await startResident(world)
    try {
      await world.startDaemon()
      await use({
        world,
        policy,
        async make(name, expression) {
          world.write(`/srv/${name}.nix`, expression)
          const drv = await world.output(`nix-instantiate ${OTHER} /srv/${name}.nix 2>/dev/null`)
          return world.output(`nix-store ${OTHER} -r ${drv} 2>/dev/null`)
        },
        async sign(by, ...paths) {
          const file = `/root/${by.key.name}.key`
          world.write(file, `${printNixSecretKey(by.key)}\n`, 0o400)
          await world.output(`nix store sign ${OTHER} -k ${file} ${paths.join(' ')}`)
        },
        isValid: async path => (await world.run(['nix-store', '--check-validity', path])).status === 0,
      })
    } finally {
      await resident.kill()
    }
  })
}

/** A program, and a library that it refers to; both refer to themselves. */
export function closure(name: string): string {
  const library = nix.derivation(`${name}-library`, { build: 'mkdir $out; echo $out/lib >$out/lib' })
  return nix.derivation(name, { build: 'mkdir $out; echo $inputs/lib $out/bin >$out/bin', inputs: [library] })
}
