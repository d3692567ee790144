/** Worlds on which nixsig was installed and nothing else happened, for `nixsig setup`. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type Version, type World, withWorld } from './world.ts'

export const CONF = '/etc/nix/nix.conf'
export const NIXSIG = '/opt/nixsig/nixsig'
export const POLICY = '/etc/nixsig/policy.toml'
/** What a test's Nix needs to build at all. */
export const NEEDED = 'sandbox-paths = /bin/sh=/bin/busybox /srv\nbuild-users-group =\n'

/** Uses a world with this nix.conf, or without one. */
export function withInstalled(
  version: Version,
  conf: string | undefined,
  use: (world: World) => Promise<void>,
): Promise<void> {
  return withWorld(version, { resident: 'none' }, async world => {
    rmSync(world.path('/etc/nix'), { recursive: true })
    if (conf !== undefined) world.write(CONF, conf)
    await use(world)
  })
}

/** Runs a command of nixsig's that has to end with this status; all that it said. */
export async function nixsig(world: World, args: string, status = 0): Promise<string> {
  const ended = await world.run(`${NIXSIG} ${args}`)
  const said = ended.stdout + ended.stderr
  assert.equal(ended.status, status, `nixsig ${args}: ${said}`)
  return said
}
