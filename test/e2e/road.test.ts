// takes: 1 minute
// The road from the first warning to "enforce": a machine with a cache of 200 paths that warns for
// a week and says every day how far it is. docs/how-to/adopt.md.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CachedPath, cachedPath } from '../support/cache-of-many.ts'
import { moveClock } from '../support/clock.ts'
import * as nix from '../support/expressions.ts'
import { type GateProcess, startGate } from '../support/gate-process.ts'
import { stock } from '../support/gated-world.ts'
import { BUILDER, type GuardedWorld, STRANGER, withGuardedWorld } from '../support/guarded-world.ts'
import { VERSIONS, type World } from '../support/world.ts'

const DAYS = 5
/** Of each day: paths by the listed builder, by somebody whom nobody lists, and by nobody. */
const SIGNED = 28
const FOREIGN = 8
const UNSIGNED = 4

interface Day {
  readonly trusted: readonly CachedPath[]
  readonly untrusted: readonly CachedPath[]
}

function dayOf(day: number): Day {
  const make = (kind: string, count: number, signers: Parameters<typeof cachedPath>[2]) =>
    Array.from({ length: count }, (_, index) =>
      cachedPath(`${kind}-${day}-${index}`, `${kind} ${day} ${index}`, signers),
    )
  return {
    trusted: make('signed', SIGNED, [BUILDER]),
    untrusted: [...make('foreign', FOREIGN, [STRANGER]), ...make('unsigned', UNSIGNED, [])],
  }
}

for (const version of VERSIONS) {
  test(`${version}: a week of warnings, the state each day, then nothing trusted is refused and everything else is`, () =>
    withGuardedWorld(version, async guarded => {
      const { world, upstream } = guarded
      await world.output('ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig; mkdir /root/used')
      setMode(world, 'warn')
      const days = Array.from({ length: DAYS }, (_, index) => dayOf(index + 1))
      let { gate } = guarded
      for (const [index, day] of days.entries()) {
        gate = await nextMorning(world, gate, index)
        stock(upstream, ...day.trusted, ...day.untrusted)
        await use(world, [...day.trusted, ...day.untrusted])
        await assertStatus(world, days.slice(0, index + 1))
      }
      // The caches are gone: what they signed is here.
      for (const { digest, url } of days.flatMap(day => [...day.trusted, ...day.untrusted])) {
        upstream.files.delete(`${digest}.narinfo`)
        upstream.files.delete(url)
      }
      gate = await nextMorning(world, gate, 7)
      await assertStatus(world, days)
      await assertEnforced(guarded, days)
      await assertNewOnes(guarded)
      await gate.end('SIGTERM')
    }))
}

/** The machine was off for the night: its gate and its daemon start again. */
async function nextMorning(world: World, gate: GateProcess, day: number): Promise<GateProcess> {
  await gate.end('SIGTERM')
  await world.run('pkill nix-daemon')
  moveClock(world, day)
  const next = await startGate(world)
  await world.startDaemon()
  return next
}

function setMode(world: World, mode: 'warn' | 'enforce'): void {
  const file = '/etc/nixsig/policy.toml'
  world.write(file, world.read(file).replace(/^mode = .*$/m, `mode = "${mode}"`))
}

/** alice fetches these paths, and root keeps them as things that the machine uses. */
async function use(world: World, paths: readonly CachedPath[]): Promise<void> {
  const all = paths.map(({ path }) => path)
  await world.output(['nix-store', '--realise', ...all], { user: 'alice' })
  const root = `/root/used/${paths[0]?.digest}`
  await world.output(['nix-store', '--realise', ...all, '--add-root', root], {
    env: { NIX_REMOTE: 'daemon' },
  })
}

interface StatusJson {
  readonly mode: string
  readonly paths: { readonly judged: number; readonly trusted: number; readonly refused: number }
  readonly groups: readonly {
    readonly code: string
    readonly next: string
    readonly paths: readonly { readonly path: string }[]
  }[]
}

/** What `nixsig status` says of these days, held against what the caches served. */
async function assertStatus(world: World, days: readonly Day[]): Promise<void> {
  const { stdout, status } = await world.run('nixsig status --json')
  const said = JSON.parse(stdout) as StatusJson
  const [trusted, untrusted] = [days.flatMap(day => day.trusted), days.flatMap(day => day.untrusted)]
  assert.equal(said.mode, 'warn')
  assert.deepEqual(said.paths, {
    ...said.paths,
    judged: trusted.length + untrusted.length,
    trusted: trusted.length,
    refused: untrusted.length,
  })
  assert.notEqual(status, 0)
  const listed = said.groups.flatMap(({ paths }) => paths.map(({ path }) => path))
  assert.deepEqual([...listed].sort(), untrusted.map(({ path }) => path).sort())
  const foreign = said.groups.find(({ code }) => code === 'unlisted-signer')
  assert.equal(foreign?.paths.length, FOREIGN * days.length)
  assert.match(foreign?.next ?? '', /list it under \[principals\]/)
  const unsigned = said.groups.find(({ code }) => code === 'unsigned-output')
  assert.equal(unsigned?.paths.length, UNSIGNED * days.length)
}

/** What is trusted can be built with, and nothing else can. */
async function assertEnforced(guarded: GuardedWorld, days: readonly Day[]): Promise<void> {
  const { world } = guarded
  const [trusted, untrusted] = [days.flatMap(day => day.trusted), days.flatMap(day => day.untrusted)]
  setMode(world, 'enforce')
  const good = await world.run(['nixsig', 'verify', '--quiet', ...trusted.map(({ path }) => path)])
  assert.equal(good.status, 0, good.stdout + good.stderr)
  const bad = await world.run(['nixsig', 'verify', '--json', ...untrusted.map(({ path }) => path)])
  const outcomes = bad.stdout.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line).outcome]))
  assert.deepEqual(
    outcomes,
    Array.from(untrusted, () => 'untrusted'),
  )
  const built = await build(guarded, 'with-trusted', trusted)
  assert.equal(built.status, 0, built.stderr)
  for (const one of untrusted.slice(-FOREIGN)) {
    const refused = await build(guarded, `with-${one.digest}`, [one])
    assert.notEqual(refused.status, 0)
    assert.match(refused.stderr, new RegExp(`refused ${one.path} .*needs 1 of 2 makers for its output`))
  }
}

/** Builds something with these paths by a derivation that the packager signed, as alice. */
async function build(
  { world, instantiate, attest }: GuardedWorld,
  name: string,
  paths: readonly CachedPath[],
) {
  const inputs = paths.map(({ path }) => `(builtins.storePath ${path})`)
  const { drv } = await instantiate(name, nix.withInputs(name, inputs))
  await attest(drv)
  return world.run(['nix-store', '--realise', drv], { user: 'alice' })
}

/** What comes now is judged before it is let in. */
async function assertNewOnes({ world, upstream, isValid }: GuardedWorld): Promise<void> {
  const { trusted, untrusted } = dayOf(DAYS + 1)
  stock(upstream, ...trusted, ...untrusted)
  await world.output(['nix-store', '--realise', ...trusted.map(({ path }) => path)], { user: 'alice' })
  const others = untrusted.map(({ path }) => path)
  const { status } = await world.run(['nix-store', '--realise', '--keep-going', ...others], { user: 'alice' })
  assert.notEqual(status, 0)
  for (const path of others) assert.equal(await isValid(path), false, path)
}
