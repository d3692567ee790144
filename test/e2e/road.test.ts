// takes: 2 minutes
// The road from the first warning to "enforce": a machine with a cache of 200 paths that warns for a
// week and says every day how far it is. docs/how-to/adopt.md.
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
    Array.from({ length: count }, (_, index) => cachedPath(`${kind}-${day}-${index}`, `${kind} ${day} ${index}`, signers))
  return {
    trusted: make('signed', SIGNED, [BUILDER]),
    untrusted: [...make('foreign', FOREIGN, [STRANGER]), ...make('unsigned', UNSIGNED, [])],
  }
}

for (const version of VERSIONS) {
  test(`${version}: a week of warnings, the state each day, and then nothing trusted is refused and everything else is`, () =>
    withGuardedWorld(version, async guarded => {
      const { world, upstream } = guarded
      await world.output('ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig')
      world.write('/etc/nixsig/policy.toml', world.read('/etc/nixsig/policy.toml').replace('"enforce"', '"warn"'))
      let gate: GateProcess | undefined = guarded.gate
      const days = Array.from({ length: DAYS }, (_, index) => dayOf(index + 1))
      for (const [index, day] of days.entries()) {
        gate = await nextMorning(guarded, gate, index)
        stock(upstream, ...day.trusted, ...day.untrusted)
        const paths = [...day.trusted, ...day.untrusted].map(({ path }) => path)
        await world.output(['nix-store', '--realise', ...paths], { user: 'alice' })
        for (const path of paths) await world.output(['ln', '-sfn', path, `/nix/var/nix/gcroots/${path.slice(11, 43)}`])
        const passed = days.slice(0, index + 1)
        await assertStatus(world, passed)
      }
      gate = await nextMorning(guarded, gate, 7)
      await assertStatus(world, days)
    }))
}

/** The machine is off for the night: its gate and its daemon start again. */
async function nextMorning({ world }: GuardedWorld, gate: GateProcess, day: number): Promise<GateProcess> {
  await gate.end('SIGTERM')
  await world.run('pkill nix-daemon')
  moveClock(world, day)
  const next = await startGate(world)
  await world.startDaemon()
  return next
}

async function assertStatus(world: World, days: readonly Day[]): Promise<void> {
  const untrusted = days.flatMap(day => day.untrusted)
  const { status, stdout, stderr } = await world.run('nixsig status')
  console.log(status, stdout, stderr)
}
