/**
 * A world whose Nix loads the store plugin, with a ledger that has only what a test writes into it.
 */
import assert from 'node:assert/strict'
import * as nix from './expressions.ts'
import { byDefault, policyText, setPolicy, signer } from './trust.ts'
import { type RunOptions, type Version, type World, withWorld } from './world.ts'

export const STATE = '/var/lib/nixsig'
export const PLUGIN = '/opt/nixsig/native/nixsig-plugin.so'

/** Options with which root disables all of nixsig for one command. */
export const UNGUARDED = "--option plugin-files '' --option pre-build-hook '' --option post-build-hook ''"

/** The plugin's message about a path that is not admitted. */
export const REFUSED =
  /nixsig: refused \/nix\/store\/\S+-evil: the ledger does not have it, and nobody answers at \/run\/nixsig\/socket/

/** Imports the path named evil. */
export const IMPORT = 'nix-store --import </srv/evil'

/**
 * Makes an output in another store without the plugin, and exports it to `/srv/NAME`; returns the
 * output's path.
 */
export async function makeElsewhere(world: World, name: string): Promise<string> {
  const elsewhere = `${UNGUARDED} --store /srv/other`
  world.write(`/srv/${name}.nix`, nix.derivation(name))
  const drv = await world.output(`nix-instantiate ${elsewhere} /srv/${name}.nix 2>/dev/null`)
  const path = await world.output(`nix-store ${elsewhere} -r ${drv} 2>/dev/null`)
  await world.output(`nix-store ${elsewhere} --export ${path} >/srv/${name}`)
  return path
}

/**
 * A world with the plugin but without a resident process. The path named evil was made elsewhere;
 * `/srv/evil` is its export.
 */
export async function withPlugin(
  version: Version,
  use: (world: World) => Promise<void>,
  mode: 'enforce' | 'warn' = 'enforce',
): Promise<void> {
  await withWorld(version, { resident: 'none' }, async world => {
    const rules = byDefault('nothing', 'nothing', 'self')
    await setPolicy(world, policyText({ someone: [signer('someone')] }, rules, mode))
    for (const name of ['evil', 'evil-2', 'evil-3']) await makeElsewhere(world, name)
    const conf = world.read('/etc/nix/nix.conf')
    world.write('/etc/nix/nix.conf', `${conf}plugin-files = ${PLUGIN}\n`)
    await use(world)
  })
}

/**
 * Runs a hook so that it writes the policy's snapshot for the plugin, which it does only two
 * seconds after a change. Builds a derivation of this name, which must not be built yet. Returns the
 * policy's digest.
 */
export async function rememberPolicy(world: World, name = 'first'): Promise<string> {
  world.write(`/srv/${name}.nix`, nix.derivation(name))
  await new Promise(resolve => setTimeout(resolve, 2500))
  await world.output(`nix-build --no-out-link /srv/${name}.nix`)
  return /^nixsig1 ([0-9a-f]{64})\n/.exec(world.read(`${STATE}/policy`))?.[1] ?? ''
}

/** Asserts that a command fails with this refusal. */
export async function refuses(
  world: World,
  command: string,
  reason = REFUSED,
  options: RunOptions = {},
): Promise<void> {
  const { status, stderr } = await world.run(command, { timeout: 30_000, ...options })
  assert.notEqual(status, 0, `${command} was let in`)
  assert.match(stderr, reason)
}

/** Whether a path is valid in the world's store. */
export async function isValid(world: World, path: string): Promise<boolean> {
  return (await world.run(['nix-store', '--check-validity', path])).status === 0
}

/** The rows of Nix's database, in the form in which Nix would insert them. */
export function rows(world: World, database = '/nix/var/nix/db/db.sqlite', where = '1'): Promise<string> {
  return world.output(`sqlite3 ${database} "select count(*) from ValidPaths where ${where}"`)
}
