/**
 * Times a whole `nix-build` of 200 tiny, new derivations: with the thin hooks and a gate that they
 * ask, and with only the Node bundles, each against the same build with two C programs as hooks
 * that do nothing. The builds run in pairs.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import * as nix from '../test/support/expressions.ts'
import { startResident } from '../test/support/resident.ts'
import { byDefault, policyText, setPolicy, signer } from '../test/support/trust.ts'
import { VERSIONS, type World, withWorld } from '../test/support/world.ts'
import { spread } from './statistics.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 5)
const DERIVATIONS = 200

let serial = 0

/** The seconds that a build of new derivations takes with the hooks in this directory. */
async function build(world: World, hooks: string): Promise<number> {
  const file = `/srv/${serial}.nix`
  world.write(file, nix.all(nix.independent(`tiny-${serial++}`, DERIVATIONS)))
  const option = (name: string) => `--option ${name} ${hooks}/${name}`
  const command = `nix-build --no-out-link ${option('pre-build-hook')} ${option('post-build-hook')} ${file}`
  const start = performance.now()
  await world.output(command, { timeout: 600_000 })
  return (performance.now() - start) / 1000
}

async function pairs(world: World, hooks: string, against: string): Promise<readonly number[]> {
  const ratios: number[] = []
  for (let pair = -1; pair < PAIRS; pair++) {
    const [a, b] = [await build(world, hooks), await build(world, against)]
    if (pair >= 0) ratios.push(a / b)
  }
  return ratios
}

/** Compiles two hooks that allow everything. */
function compileNothing(directory: string): void {
  mkdirSync(directory, { recursive: true })
  for (const name of ['pre-build-hook', 'post-build-hook']) {
    const args = ['-O2', '-static', '-x', 'c', '-', '-o', `${directory}/${name}`]
    const { status, stderr } = spawnSync('cc', args, {
      input: 'int main(void) { return 0; }',
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr)
  }
}

for (const version of VERSIONS) {
  await withWorld(version, {}, async world => {
    compileNothing(world.path('/opt/nothing'))
    const someone = signer('someone')
    await setPolicy(world, policyText({ someone: [someone] }, byDefault('nothing', 'nothing', 'self')))
    const about = `${world.nixVersion}: ${DERIVATIONS} derivations`
    const resident = await startResident(world)
    const thin = await pairs(world, '/opt/nixsig/native', '/opt/nothing')
    console.log(`${about}, thin hooks and a gate / hooks that do nothing: ${spread(thin)}`)
    await resident.kill()
    const bundles = await pairs(world, '/opt/nixsig', '/opt/nothing')
    console.log(`${about}, the bundles alone / hooks that do nothing: ${spread(bundles)}`)
    const noise = await pairs(world, '/opt/nothing', '/opt/nothing')
    console.log(`${about}, nothing against itself (what the noise makes): ${spread(noise)}`)
  })
}
