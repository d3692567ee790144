// Mishaps during a build other than a kill: nothing becomes valid unjudged, no record is torn, and
// afterwards everything works.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { askForBuilder, prepareRounds, type Round } from '../support/campaign/goods.ts'
import { judgedBefore } from '../support/campaign/judged.ts'
import { type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { EVERY_VERSION, type World } from '../support/world.ts'

const STATE = '/var/lib/nixsig'

interface Misfortune {
  readonly begin: string
  readonly end: string
}

/**
 * Empties files, as a loss of power does with those that were not flushed.
 */
const emptied = (files: string): Misfortune => ({
  begin: `find ${files} -type f 2>/dev/null | while read -r file; do : > $file; done`,
  end: 'true',
})

const MISFORTUNES: Readonly<Record<string, Misfortune>> = {
  'the state directory is full': {
    begin: `dd if=/dev/zero of=${STATE}/filler bs=64k 2>/dev/null; true`,
    end: `rm ${STATE}/filler`,
  },
  'the state directory is read-only': {
    begin: `mount -o remount,ro ${STATE}`,
    end: `mount -o remount,rw ${STATE}`,
  },
  'expectations are emptied': emptied(`${STATE}/expected ${STATE}/present`),
  'the ledger is emptied': emptied(`${STATE}/ledger`),
  'what is known of the policy is emptied': emptied(`${STATE}/policy`),
  'marks are left behind': {
    begin: `mkdir -p ${STATE}/leaving ${STATE}/quarantine/unfinished ${STATE}/quarantine/partial/x
      : > ${STATE}/leaving/$(printf '0%.0s' $(seq 32))
      mkdir -p ${STATE}/quarantine/20200101T000000Z-$(printf '0%.0s' $(seq 32))
      : > ${STATE}/quarantine/20200101T000000Z-$(printf '0%.0s' $(seq 32))/entry.json
      : > ${STATE}/quarantine/unfinished/20200101T000000Z-$(printf '0%.0s' $(seq 32))`,
    end: 'true',
  },
}

/** Milliseconds: somewhere in the middle of a round. */
const LONGEST = 700
/** How long it lasts. */
const LASTING = 1500

function realise({ world }: GuardedWorld, made: Round['good']) {
  const drvs = made.map(({ drv }) => drv)
  return world.run(['nix-store', '--realise', '--keep-going', ...drvs], { user: 'alice', timeout: 60_000 })
}

/** A state directory of its own, that can be filled and be made read-only. */
async function mountState(world: World): Promise<void> {
  await world.output(`mkdir -p ${STATE} && mount -t tmpfs -o size=8m,mode=0755 tmpfs ${STATE}`)
}

/**
 * Builds a round while this happens, and then builds it again. What is good apart: Nix 2.8 ends all
 * of a command.
 */
async function suffer(
  guarded: GuardedWorld,
  { good, bad }: Round,
  { begin, end }: Misfortune,
): Promise<void> {
  const building = [realise(guarded, good), realise(guarded, bad)]
  await sleep(Math.random() * LONGEST)
  await guarded.world.output(begin)
  await sleep(LASTING)
  await guarded.world.output(end)
  await Promise.all(building)
}

async function assertWorks(guarded: GuardedWorld, { good, bad }: Round, what: string): Promise<void> {
  const first = await realise(guarded, good)
  // A ledger that is emptied between the two hooks of a build no longer says that it was made here:
  // what was built then is refused, and is built again once it is deleted.
  const [, forgotten] = what.includes('emptied')
    ? (/refused (\/nix\/store\/\S+-input-\S+) \(output\) .* found no signature/.exec(first.stderr) ?? [])
    : []
  if (forgotten !== undefined) await guarded.world.output(['nix-store', '--delete', forgotten])
  const again = forgotten === undefined ? first : await realise(guarded, good)
  const refused = await realise(guarded, bad)
  assert.equal(again.status, 0, `${what}: ${again.stderr}`)
  for (const { out } of good) assert.equal(await guarded.isValid(out), true, `${what}: ${out}`)
  assert.notEqual(refused.status, 0, what)
  for (const { out } of bad) assert.equal(await guarded.isValid(out), false, `${what}: ${out}`)
}

for (const version of EVERY_VERSION) {
  test(`${version}: fault: what happens to the state in the middle of builds leaves nothing valid that was not judged`, context =>
    withGuardedWorld(version, guarded => sufferAll(guarded, version, context), mountState))
}

async function sufferAll(guarded: GuardedWorld, series: string, context: TestContext): Promise<void> {
  askForBuilder(guarded)
  const misfortunes = Object.entries(MISFORTUNES)
  const rounds = await prepareRounds(guarded, `${series}-misfortune`, misfortunes.length)
  for (const [index, [what, misfortune]] of misfortunes.entries()) {
    const round = rounds[index] as Round
    await suffer(guarded, round, misfortune)
    // An emptied record no longer shows what was judged.
    if (!what.includes('emptied')) await judgedBefore(guarded, round)
    for (const { out } of round.bad) assert.equal(await guarded.isValid(out), false, `${what}: ${out}`)
    await assertWorks(guarded, round, what)
    context.diagnostic(`over: ${what}`)
  }
}
