/**
 * Feeds malformed input to every parser of outside data: npm run fuzz -- --seconds 60. Exits with
 * status 1 on a failure. The same seed gives the same cases for each target, however many there is
 * time for.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Campaign, failureOn, openCampaign } from './campaign.ts'
import { memoryHeld } from './heap.ts'
import { report } from './report.ts'
import type { Target } from './target.ts'
import { allTargets } from './targets.ts'

const USAGE = `npm run fuzz -- [--seed NUMBER] [--seconds NUMBER] [--cases NUMBER] [--only NAME]… [--input BASE64]
  --seed     the seed of all random choices (32 bits); by default a new one each time
  --seconds  how long to run; by default 60, or without a limit if only --cases is given
  --cases    how many cases of each target
  --only     targets whose name has this in it
  --input    one input instead, for the one target that is called exactly as --only says`

/** Milliseconds before the next target's turn. */
const TURN = 200

/**
 * Bytes of memory that may be in use at the end beyond those at the start; kept inputs are part of
 * them.
 */
const GROWTH_LIMIT = 128 * 1024 * 1024

interface Options {
  readonly seed: number
  readonly seconds: number
  readonly cases: number
  readonly only: readonly string[]
  readonly input: string | undefined
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seconds: { type: 'string' },
      cases: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      input: { type: 'string' },
    },
  })
  const { only, input } = values
  return {
    seed: numberOf('seed', values.seed) ?? Math.floor(Math.random() * 2 ** 32),
    seconds:
      numberOf('seconds', values.seconds) ?? (values.cases === undefined ? 60 : Number.POSITIVE_INFINITY),
    cases: numberOf('cases', values.cases) ?? Number.POSITIVE_INFINITY,
    only,
    input,
  }
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,10}$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new RangeError(`--${name} must be a number`)
}

/**
 * Fuzzes all targets in turns of equal time, after their opening cases; returns true if nothing
 * failed.
 */
async function fuzz(targets: readonly Target[], options: Options): Promise<boolean> {
  console.log(`seed ${options.seed}`)
  const campaigns = targets.map(target => openCampaign(target, options.seed))
  const before = memoryHeld()
  const start = performance.now()
  const end = start + options.seconds * 1000
  for (const campaign of campaigns) {
    await campaign.run({ cases: Math.min(options.cases, campaign.opening), time: end })
  }
  for (let going = campaigns; going.length > 0; going = going.filter(isUnfinished)) {
    for (const campaign of going) {
      await campaign.run({ cases: options.cases, time: Math.min(end, performance.now() + TURN) })
    }
  }
  function isUnfinished(campaign: Campaign): boolean {
    return performance.now() < end && campaign.count().cases < options.cases
  }
  for (const campaign of campaigns) console.log(report(campaign, options.seed))
  const cases = campaigns.reduce((sum, campaign) => sum + campaign.count().cases, 0)
  console.log(`${cases} cases in ${Math.round((performance.now() - start) / 1000)} s, seed ${options.seed}`)
  const growth = memoryHeld() - before
  const leaks = growth > GROWTH_LIMIT
  if (leaks) console.log(`FAILED: ${growth >> 20} MiB are still held after the last case`)
  return !leaks && campaigns.every(campaign => campaign.failures.length === 0)
}

/** Runs one input; returns true if nothing failed. */
async function replay(targets: readonly Target[], { only, input = '' }: Options): Promise<boolean> {
  const target = targets.find(({ name }) => name === only[0])
  if (target === undefined) throw new RangeError('--input needs --only with the whole name of a target')
  const failure = await failureOn(target, Buffer.from(input, 'base64'))
  console.log(failure === undefined ? 'nothing broke' : `FAILED ${target.name}: ${failure}`)
  return failure === undefined
}

async function main(): Promise<boolean> {
  const options = readOptions()
  const fast = '/dev/shm'
  const scratch = mkdtempSync(join(existsSync(fast) ? fast : tmpdir(), 'nixsig-fuzz-'))
  try {
    const targets = allTargets(scratch)
    if (options.input !== undefined) return await replay(targets, options)
    const chosen = targets.filter(({ name }) => options.only.every(part => name.includes(part)))
    if (chosen.length === 0)
      throw new RangeError(`no such target; there are: ${targets.map(({ name }) => name).join(', ')}`)
    return await fuzz(chosen, options)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`)
  process.exitCode = 2
}
