/**
 * Wall time of each hook when the ledger has every answer, against `node -e 0`: a derivation with
 * 30 admitted inputs, in pairs, in a world with real Nix; and how that changes with the number of
 * attestations on disk. Inputs are directories, as packages are; and, as the worst case, files,
 * which Nix 2.8 hard-links into its sandbox, so that each has to be hashed again.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as nix from '../test/support/expressions.ts'
import { ATTESTATIONS, byDefault, policyText, setPolicy, signer } from '../test/support/trust.ts'
import { type World, withWorld } from '../test/support/world.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 40)
const NODE = ['node', '-e', '0'] as const

/** The ratio of the two commands' times, pair by pair: lower quartile, median, upper quartile. */
async function ratio(world: World, command: readonly string[], against: readonly string[]): Promise<string> {
  const args = [String(PAIRS), JSON.stringify(command), JSON.stringify(against)]
  const text = await world.output(['node', '/srv/pairs.mjs', ...args], { timeout: 600_000 })
  const runs = JSON.parse(text) as readonly (readonly [number, number])[]
  const ratios = runs.map(([a, b]) => a / b).sort((a, b) => a - b)
  const at = (share: number) => (ratios[Math.floor((ratios.length - 1) * share)] ?? Number.NaN).toFixed(3)
  const median = (index: 0 | 1) => {
    const times = runs.map(run => run[index] * 1000).sort((a, b) => a - b)
    return (times[times.length >> 1] ?? Number.NaN).toFixed(1)
  }
  return `${at(0.5)} (quartiles ${at(0.25)} to ${at(0.75)}; medians ${median(0)} ms and ${median(1)} ms)`
}

/** Deletes the output from the store: when a build starts, it is absent. */
async function collect(world: World, out: string): Promise<void> {
  await world.output(['nix-store', '--delete', out])
}

/** Writes files of attestations about unrelated paths, spread like real ones. */
async function scatterAttestations(world: World, count: number): Promise<void> {
  const script = `
    const fs = require('node:fs'), crypto = require('node:crypto')
    const alphabet = '0123456789abcdfghijklmnpqrsvwxyz'
    for (let i = 0; i < ${count}; i++) {
      const digest = [...crypto.randomBytes(32)].map(byte => alphabet[byte & 31]).join('')
      const dir = '${ATTESTATIONS}/' + digest.slice(0, 2)
      fs.mkdirSync(dir, { recursive: true })
      fs.writeFileSync(dir + '/' + digest + '.intoto.jsonl', '{}\\n')
    }`
  await world.output(['node', '-e', script], { timeout: 600_000 })
}

/** A derivation with this many directories as inputs. */
function ofDirectories(world: World, count: number): string {
  const directories = Array.from({ length: count }, (_, index) => `/srv/directory-${index}`)
  for (const directory of directories) world.write(`${directory}/file`, directory)
  const inputs = directories.map(directory => `"\${${directory}}"`)
  return nix.withInputs('many-directories', inputs)
}

/** Prints the ratios for a derivation: first with its output in the store, then without. */
async function compare(world: World, what: string, expression: string): Promise<void> {
  world.write('/srv/x.nix', expression)
  const build = 'nix-build --no-out-link /srv/x.nix'
  const out = await world.output(build, { timeout: 600_000 })
  const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
  const after = ['/opt/nixsig/post-build-hook', drv]
  console.log(`post-build-hook, ${what} / node -e 0: ${await ratio(world, after, NODE)}`)
  await collect(world, out)
  const before = ['/opt/nixsig/pre-build-hook', drv, '/sandbox']
  console.log(`pre-build-hook, ${what} / node -e 0: ${await ratio(world, before, NODE)}`)
}

await withWorld('bookworm', {}, async world => {
  world.write('/srv/pairs.mjs', readFileSync(join(PROJECT_ROOT, 'bench/pairs.mjs')))
  const someone = signer('someone')
  await setPolicy(world, policyText({ someone: [someone] }, byDefault('nothing', 'nothing', 'self')))
  await scatterAttestations(world, 100)
  await compare(world, '30 directories', ofDirectories(world, 30))
  await compare(world, '30 files', nix.manyInputs('many-files', 30))
  console.log(`node -e 0 / node -e 0 (what the noise makes): ${await ratio(world, NODE, NODE)}`)
  await scatterAttestations(world, 100_000)
  await compare(world, '30 directories, 100,000 attestations on disk', ofDirectories(world, 30))
})
