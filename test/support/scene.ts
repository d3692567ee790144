/**
 * Scenes for the end-to-end tests of the hooks: an instantiated expression, its builds, and
 * assertions about refusals.
 */
import assert from 'node:assert/strict'
import type { QuarantineEntry } from '../../src/quarantine/entry.ts'
import type { Outcome, RunOptions, World } from './world.ts'

/** The store paths of an expression that is instantiated but not built. */
export interface Scene {
  readonly drv: string
  /** Its outputs by name. */
  readonly outputs: Readonly<Record<string, string>>
  /** The first of them. */
  readonly out: string
}

const EXPRESSION = '/srv/x.nix'

/** Writes an expression to the file that `nixBuild` builds, and instantiates it. */
export async function instantiate(world: World, expression: string): Promise<Scene> {
  world.write(EXPRESSION, expression)
  const drv = await world.output(`nix-instantiate ${EXPRESSION} 2>/dev/null`)
  const paths = (await world.output(`nix-store -q --outputs ${drv}`)).split('\n')
  const outputs = Object.fromEntries(paths.map(path => [outputName(path), path]))
  return { drv, outputs, out: outputs['out'] ?? paths[0] ?? '' }
}

/** `/nix/store/<digest>-name-dev` is the output `dev`: names in these tests have no hyphen. */
function outputName(path: string): string {
  return path.slice('/nix/store/'.length + 33).split('-')[1] ?? 'out'
}

/** Builds the instantiated expression. */
export function nixBuild(world: World, args = '', options: RunOptions = {}): Promise<Outcome> {
  return world.run(`nix-build --no-out-link ${args} ${EXPRESSION}`, options)
}

/** Asserts that the instantiated expression builds. */
export async function assertBuilt(world: World, args = '', options: RunOptions = {}): Promise<void> {
  const { status, stderr } = await nixBuild(world, args, options)
  assert.equal(status, 0, stderr)
}

/** Whether a path is valid in the world's store. */
export async function isValid(world: World, path: string): Promise<boolean> {
  return (await world.run(['nix-store', '--check-validity', path])).status === 0
}

/** All quarantine entries, oldest first. */
export async function quarantined(world: World): Promise<readonly QuarantineEntry[]> {
  const files = await world.output('ls -d /var/lib/nixsig/quarantine/*Z-*/entry.json 2>/dev/null || true')
  return files
    .split('\n')
    .filter(Boolean)
    .map(file => JSON.parse(world.read(file)) as QuarantineEntry)
}

/** Whether the ledger has an entry for a path, current or stale. */
export function isInLedger(world: World, path: string): boolean {
  const digest = path.slice('/nix/store/'.length, '/nix/store/'.length + 32)
  return world.exists(`/var/lib/nixsig/ledger/${digest.slice(0, 2)}/${digest}`)
}

/** Makes Nix hash the whole store, and asserts that every hash is the registered one. */
export async function assertClean(world: World): Promise<void> {
  const { status, stderr } = await world.run('nix-store --verify --check-contents')
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /was modified|disappeared|error/)
}

/** Asserts that a build is refused before it starts, tells its user why, and is refused again. */
export async function assertRefusedBeforeBuild(
  world: World,
  path: string,
  ...reasons: readonly RegExp[]
): Promise<void> {
  for (const time of ['first', 'second']) {
    const { status, stderr } = await nixBuild(world)
    assert.notEqual(status, 0, time)
    assert.match(stderr, /unknown pre-build hook command 'nixsig: refused /, time)
    for (const reason of reasons) assert.match(stderr, reason, time)
    assert.equal(await isValid(world, path), false, time)
  }
  assert.deepEqual(await quarantined(world), [])
}

/**
 * Asserts that a build is refused after it is done, twice: exactly these paths move from the store
 * to the quarantine, with the reason.
 */
export async function assertRefusedAfterBuild(
  world: World,
  paths: readonly string[],
  reason: RegExp,
): Promise<void> {
  for (const times of [1, 2]) {
    const { status } = await nixBuild(world)
    assert.notEqual(status, 0)
    await assertQuarantined(world, paths, { reason, times })
  }
}

/**
 * Asserts that exactly these paths were refused so many times, always for this reason, and left the
 * store.
 */
export async function assertQuarantined(
  world: World,
  paths: readonly string[],
  { reason, times = 1 }: { readonly reason: RegExp; readonly times?: number },
): Promise<void> {
  const entries = await quarantined(world)
  const expected = paths.flatMap(path => Array<string>(times).fill(path))
  assert.deepEqual(entries.map(entry => entry.path).sort(), expected.sort())
  for (const entry of entries) assert.match(entry.reason, reason)
  for (const path of paths) {
    assert.equal(await isValid(world, path), false, path)
    assert.equal(world.exists(path), false, path)
    assert.equal(isInLedger(world, path), false, path)
  }
  assert.equal(await world.output('ls /var/lib/nixsig/quarantine/unfinished 2>/dev/null || true'), '')
  await assertClean(world)
}

/**
 * Runs an action as root whenever the real pre-build hook has allowed a build, before the build
 * runs: Nix calls the hook through a script. `action` is a line of shell.
 */
export async function afterPreBuildHook(world: World, action: string): Promise<void> {
  const script = `#!/bin/sh\n/opt/nixsig/pre-build-hook "$@" || exit\n${action}\n`
  world.write('/opt/wrapped/pre-build-hook', script, 0o755)
  await world.output(
    'sed -i "s,^pre-build-hook.*,pre-build-hook = /opt/wrapped/pre-build-hook," /etc/nix/nix.conf',
  )
}
