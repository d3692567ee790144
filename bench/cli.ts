/**
 * How long the command line takes to start and to answer, in pairs in one run against `node -e 0`:
 * its version, a check of the policy, and the verdict on one path that is in the store.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as nix from '../test/support/expressions.ts'
import { byDefault, policyText, setPolicy, signer } from '../test/support/trust.ts'
import { type World, withWorld } from '../test/support/world.ts'
import { spread } from './statistics.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 30)
const PROGRAM = '/opt/nixsig/nixsig'

async function ratios(world: World, command: readonly string[], against: readonly string[]) {
  const args = [String(PAIRS), JSON.stringify(command), JSON.stringify(against)]
  const text = await world.output(['node', '/srv/pairs.mjs', ...args], { timeout: 600_000 })
  const runs = JSON.parse(text) as readonly (readonly [number, number])[]
  return runs.map(([called, bare]) => called / bare)
}

await withWorld('trixie', {}, async world => {
  world.write('/srv/pairs.mjs', readFileSync(join(PROJECT_ROOT, 'bench/pairs.mjs')))
  await setPolicy(
    world,
    policyText({ someone: [signer('someone')] }, byDefault('nothing', 'nothing', 'self')),
  )
  world.write('/srv/hello.nix', nix.derivation('hello'))
  const path = (await world.output('nix-build --no-out-link /srv/hello.nix')).trim()
  const bare = ['node', '-e', '0']
  const calls = {
    '--version': ['--version'],
    'policy check': ['policy', 'check'],
    'verify PATH': ['verify', path],
  }
  for (const [name, words] of Object.entries(calls)) {
    console.log(`nixsig ${name} / node -e 0: ${spread(await ratios(world, [PROGRAM, ...words], bare))}`)
  }
  console.log(`node -e 0 / node -e 0 (what the noise makes): ${spread(await ratios(world, bare, bare))}`)
})
