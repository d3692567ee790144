// Builds that are killed at random moments, as a plain user, with hooks, plugin and gate enforcing:
// no output becomes valid unjudged, no record is torn, and afterwards everything works.
// NIXSIG_KILLS=1000 is the long run.
// takes: 1 minute
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { askForBuilder, prepareRounds, type Round } from '../support/campaign/goods.ts'
import { assertReadable, type Judged, judgedBefore } from '../support/campaign/judged.ts'
import { eventually } from '../support/eventually.ts'
import { type GateProcess, startGate } from '../support/gate-process.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { openPlugin } from '../support/plugin.ts'
import { VERSIONS } from '../support/world.ts'

/** Of each Nix. */
const KILLS = Number(process.env['NIXSIG_KILLS'] ?? 20) / VERSIONS.length
/** Rounds that are made ready at once, and after which all records are read. */
const BATCH = 25

const KINDS = ['hook', 'gate', 'daemon', 'client', 'builder'] as const

/** About as long as an unkilled round takes, in milliseconds. */
const LONGEST = 1000

/** What came of it so far. */
interface Tally {
  readonly killed: Map<string, number>
  readonly judged: Map<Judged, number>
  records: number
}

/** Starts a round, kills something, sees what is left, and does the same again without a kill. */
async function runRound(guarded: GuardedWorld, round: Round, kind: string, tally: Tally): Promise<void> {
  const delay = Math.random() * LONGEST
  const killer = guarded.world.run(['node', '/srv/kill-one.mjs', kind, String(delay)])
  await build(guarded, round)
  if ((await killer).stdout.trim() !== '') count(tally.killed, kind)
  await assertQuiet(guarded)
  for (const judged of await judgedBefore(guarded, round)) count(tally.judged, judged)
}

function count<T>(counts: Map<T, number>, what: T): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

/** A new gate if this one was killed. */
async function mended({ world }: GuardedWorld, gate: GateProcess): Promise<GateProcess> {
  try {
    process.kill(gate.pid, 0)
    return gate
  } catch {
    await gate.end('SIGKILL')
    return startGate(world)
  }
}

/**
 * What is good is built, or there; what is not is refused again. Apart from each other: Nix 2.8
 * ends all that a command builds where its database refuses one output.
 */
async function assertWorks(guarded: GuardedWorld, { good, bad }: Round): Promise<void> {
  const [again, refused] = await Promise.all([realise(guarded, good), realise(guarded, bad)])
  assert.equal(again.status, 0, again.stderr)
  for (const { out } of good) assert.equal(await guarded.isValid(out), true, out)
  assert.notEqual(refused.status, 0)
  for (const { out } of bad) assert.equal(await guarded.isValid(out), false, out)
}

/** All of a round, as a plain user; whatever comes of it. */
async function build(guarded: GuardedWorld, { good, bad }: Round): Promise<void> {
  await realise(guarded, [...good, ...bad])
}

function realise({ world }: GuardedWorld, made: Round['good']) {
  const drvs = made.map(({ drv }) => drv)
  return world.run(['nix-store', '--realise', '--keep-going', ...drvs], { user: 'alice', timeout: 60_000 })
}

/**
 * Prints the clients that have ended and are still served by a process of the daemon, which shows its
 * client's process id as its second word. A process that has ended has no command line, even if it is
 * still a zombie.
 */
const ABANDONED = `grep -hasz -A1 ^nix-daemon$ /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -x '[1-9][0-9]*' |
  while read -r client; do grep -qs . /proc/$client/cmdline || echo $client; done`

/**
 * Waits until no client that has ended is served: after a kill, no builder, hook or lock may stay.
 */
async function assertQuiet({ world }: GuardedWorld): Promise<void> {
  let left = ''
  await eventually(
    () => `clients that ended are no longer served, but ${left} are`,
    async () => {
      left = await world.output(ABANDONED)
      return left === ''
    },
  )
}

for (const version of VERSIONS) {
  test(`${version}: builds that are killed at random moments leave nothing valid that was not judged`, context =>
    withGuardedWorld(version, async guarded => {
      const { world } = guarded
      const killer = join(PROJECT_ROOT, 'test/support/campaign/kill-one.mjs')
      world.write('/srv/kill-one.mjs', readFileSync(killer))
      askForBuilder(guarded)
      const tally: Tally = { killed: new Map(), judged: new Map(), records: 0 }
      const ask = openPlugin()
      let gate = guarded.gate
      try {
        for (let done = 0; done < KILLS; done += BATCH) {
          const rounds = await prepareRounds(guarded, `${version}-${done}`, Math.min(BATCH, KILLS - done))
          for (const [index, round] of rounds.entries()) {
            await runRound(guarded, round, KINDS[(done + index) % KINDS.length] ?? 'hook', tally)
            gate = await mended(guarded, gate)
            await assertWorks(guarded, round)
          }
          const paths = rounds.flatMap(({ good }) => good.map(({ out }) => out))
          await world.output(['/opt/nixsig/nixsig', 'verify', ...paths], { timeout: 600_000 })
          tally.records = assertReadable(guarded, ask)
          if (KILLS > BATCH) say(context, tally)
        }
        // What a refusal takes out of the store was valid before.
        const taken = await world.output('ls /var/lib/nixsig/quarantine 2>/dev/null | grep Z- || true')
        assert.equal(taken, '')
        say(context, tally)
      } finally {
        ask.close()
        await gate.end('SIGTERM')
      }
    }))
}

function say(context: TestContext, { killed, judged, records }: Tally): void {
  const words = (counts: Map<string, number>) =>
    [...counts].map(([what, count]) => `${what} ${count}`).join(', ')
  context.diagnostic(`killed: ${words(killed)}; valid after a kill: ${words(judged)}, unjudged 0`)
  context.diagnostic(`${records} records read by both readers`)
}
