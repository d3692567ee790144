/**
 * What a line of the decision log costs: the hooks' time with the log against without it, when the
 * ledger has every answer; and a line itself, not flushed and flushed, against an append to a file
 * with fdatasync, in pairs. Verifying is told in lines a second.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { appendLine } from '../src/decisions/append.ts'
import { foldSegments } from '../src/decisions/fold.ts'
import { type Decision, printDecision } from '../src/decisions/line.ts'
import { logPlaces } from '../src/decisions/places.ts'
import { verifyLog } from '../src/decisions/verify.ts'
import * as nix from '../test/support/expressions.ts'
import { byDefault, policyText, setPolicy, signer } from '../test/support/trust.ts'
import { type World, withWorld } from '../test/support/world.ts'

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 40)
const LINES = 1000
const NODE = ['node', '-e', '0'] as const

const DECISION: Decision = {
  door: 'gate',
  asker: 'user 1000',
  path: '/nix/store/00000000000000000000000000000000-hello-2.12',
  narHash: 'ab'.repeat(32),
  outcome: 'trusted',
  letIn: true,
  ground: 'default',
  evidence: ['cd'.repeat(32), 'ef'.repeat(32)],
  policy: '01'.repeat(32),
  mode: 'enforce',
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function timeOf(act: () => void): number {
  const start = performance.now()
  act()
  return performance.now() - start
}

/** The disk of the state directory, as far as this machine has it. */
const directory = mkdtempSync('/var/tmp/nixsig-bench-')

function lines(): void {
  const plain = openSync(join(directory, 'plain'), 'a')
  const text = `${printDecision({ number: 1, previous: '0'.repeat(64), time: Date.now() }, DECISION)}\n`
  const append = (isDurable: boolean) =>
    appendLine(directory, place => printDecision(place, DECISION), { isDurable })
  const times = { unflushed: [] as number[], flushed: [] as number[], plain: [] as number[] }
  for (let count = 0; count < LINES; count++) {
    times.unflushed.push(timeOf(() => void append(false)))
    times.flushed.push(timeOf(() => void append(true)))
    times.plain.push(
      timeOf(() => {
        writeSync(plain, text)
        fdatasyncSync(plain)
      }),
    )
    foldSegments(directory)
  }
  closeSync(plain)
  const [unflushed, flushed, against] = [times.unflushed, times.flushed, times.plain].map(median)
  const words = (ms: number | undefined) => `${ms?.toFixed(2)} ms`
  console.log(`a line, not flushed: ${words(unflushed)}`)
  console.log(`a line, flushed: ${words(flushed)}; an append with fdatasync: ${words(against)}`)
  console.log(`a line, flushed / an append with fdatasync: ${((flushed ?? 0) / (against ?? 1)).toFixed(2)}`)
  let report: ReturnType<typeof verifyLog> | undefined
  const took = timeOf(() => {
    report = verifyLog(logPlaces(directory), { checkpoints: [], key: undefined })
  })
  console.log(`verified: ${report?.lines} lines in ${took.toFixed(0)} ms, ${report?.faults.length} faults`)
}

async function ratio(world: World, command: readonly string[]): Promise<string> {
  const args = [String(PAIRS), JSON.stringify(command), JSON.stringify(NODE)]
  const text = await world.output(['node', '/srv/pairs.mjs', ...args], { timeout: 600_000 })
  const runs = JSON.parse(text) as readonly (readonly [number, number])[]
  return median(runs.map(([a, b]) => a / b)).toFixed(3)
}

/** The hooks for a derivation with 30 inputs, with and without the log. */
async function hooks(world: World): Promise<void> {
  world.write('/srv/pairs.mjs', readFileSync(join(PROJECT_ROOT, 'bench/pairs.mjs')))
  world.write('/srv/x.nix', nix.manyInputs('many-files', 30))
  for (const keep of [false, true]) {
    const rules = `[decisions]\nkeep = ${keep}\n${byDefault('nothing', 'nothing', 'self')}`
    await setPolicy(world, policyText({ someone: [signer('someone')] }, rules))
    // A snapshot of the policy is believed when its file is two seconds old.
    const out = await world.output('sleep 3; nix-build --no-out-link /srv/x.nix', { timeout: 600_000 })
    const drv = await world.output('nix-instantiate /srv/x.nix 2>/dev/null')
    const words = keep ? 'with the log' : 'without it'
    const after = ['env', `DRV_PATH=${drv}`, '/opt/nixsig/post-build-hook']
    const before = ['/opt/nixsig/pre-build-hook', drv, '/sandbox']
    await world.output(after)
    console.log(`post-build-hook, ${words} / node -e 0: ${await ratio(world, after)}`)
    await world.output(['nix-store', '--delete', out])
    console.log(`pre-build-hook, ${words} / node -e 0: ${await ratio(world, before)}`)
  }
}

try {
  lines()
} finally {
  rmSync(directory, { recursive: true })
}
await withWorld('bookworm', { resident: 'none' }, hooks)
