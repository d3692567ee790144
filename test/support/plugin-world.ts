/** A world whose Nix loads the store plugin, with a ledger that says no more than a test writes into it. */
import assert from 'node:assert/strict'
import * as nix from './expressions.ts'
import { byDefault, policyText, setPolicy, signer } from './trust.ts'
import { type RunOptions, type Version, type World, withWorld } from './world.ts'

export const STATE = '/var/lib/nixsig'
export const PLUGIN = '/opt/nixsig/native/nixsig-plugin.so'

/** Root may do without all of nixsig for a command. */
export const UNGUARDED = "--option plugin-files '' --option pre-build-hook '' --option post-build-hook ''"

/** What the plugin says of a path that nobody admitted. */
export const REFUSED =
  /nixsig: refused \/nix\/store\/\S+-evil: the ledger does not have it, and nobody answers at \/run\/nixsig\/socket/

/** Imports the path that is called evil. */
export const IMPORT = 'nix-store --import </srv/evil'

/** Makes an output in another store, beyond the reach of the plugin, and its export `/srv/NAME`; the output's path. */
export async function makeElsewhere(world: World, name: string): Promise<string> {
  const elsewhere = `${UNGUARDED} --store /srv/other`
  world.write(`/srv/${name}.nix`, nix.derivation(name))
  const drv = await world.output(`nix-instantiate ${elsewhere} /srv/${name}.nix 2>/dev/null`)
  const path = await world.output(`nix-store ${elsewhere} -r ${drv} 2>/dev/null`)
  await world.output(`nix-store ${elsewhere} --export ${path} >/srv/${name}`)
  return path
}

/** A world with the plugin and nobody who answers it. What is called evil was made elsewhere; `/srv/evil` is its export. */
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

/** Has a hook read the policy, and remember it for the plugin: not within two seconds of a change. Its digest. */
export async function rememberPolicy(world: World): Promise<string> {
  world.write('/srv/first.nix', nix.derivation('first'))
  await new Promise(resolve => setTimeout(resolve, 2500))
  await world.output('nix-build --no-out-link /srv/first.nix')
  return /^nixsig1 ([0-9a-f]{64})\n/.exec(world.read(`${STATE}/policy`))?.[1] ?? ''
}

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

export async function isValid(world: World, path: string): Promise<boolean> {
  return (await world.run(['nix-store', '--check-validity', path])).status === 0
}

/** What the database has, as Nix itself would have to take it. */
export function rows(world: World, database = '/nix/var/nix/db/db.sqlite', where = '1'): Promise<string> {
  return world.output(`sqlite3 ${database} "select count(*) from ValidPaths where ${where}"`)
}
