// Compiles the tests with esbuild and runs them with node:test.
//
//   node tools/test.mjs [--only SUBSTRING]… [--unit] [--judge hook|resident] [--node PATH] [--at-once NUMBER]
//
// A test file lies under test/ and ends in .test.ts; SUBSTRING is matched against its path.
// `--unit` leaves out test/e2e/, whose worlds have a /nix of their own. Each file runs in a process
// and a network of its own, several at once; what else it needs, it says itself (test-needs.mjs).
// `--judge` leaves out one of the two runs of the files that hold both judges to the same verdicts.
// First it installs what the tests need (on Debian, as root) or says in one line what is missing.
// The output of each file stays in .build/test-out/; that of a file which failed is printed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import glob from 'fast-glob'
import { compile, root } from './compile.mjs'
import { ensureTestTools } from './ensure.mjs'
import { minutesOf, needsOf } from './test-needs.mjs'
import { outputOf, runAll } from './test-run.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    unit: { type: 'boolean', default: false },
    judge: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    'at-once': { type: 'string' },
  },
})

function stop(problem) {
  console.error(problem)
  process.exit(2)
}

if (![undefined, 'hook', 'resident'].includes(values.judge)) stop('--judge is hook or resident')
// Two more than there are processors: end-to-end tests wait for half of their time. Some wait for
// most of it.
const slots = Number(values['at-once'] ?? availableParallelism() + 2)
const spare = values['at-once'] === undefined ? 2 : 0
if (!Number.isInteger(slots) || slots < 1) stop('--at-once is a number from 1')

const isEndToEnd = file => file.startsWith('test/e2e/')
const chosen = (await glob('test/**/*.test.ts', { cwd: root }))
  .filter(file => values.only.length === 0 || values.only.some(part => file.includes(part)))
  .filter(file => !values.unit || !isEndToEnd(file))
  .sort()
if (chosen.length === 0) stop('no test file matches')
const needs = new Map(chosen.map(file => [file, needsOf(join(root, file))]))
await ensureTestTools({
  endToEnd: chosen.some(isEndToEnd),
  debianSources: chosen.some(file => needs.get(file).has('debian-sources')),
  browser: chosen.some(file => needs.get(file).has('browser')),
  sarifMultitool: chosen.some(file => needs.get(file).has('sarif-multitool')),
})

const compiled = join(root, '.build/test')
const outputs = join(root, '.build/test-out')
// See test/support/release.ts.
const releases = join(root, '.build/test-releases')
for (const directory of [compiled, outputs, releases]) rmSync(directory, { recursive: true, force: true })
mkdirSync(outputs, { recursive: true })
const [isBuilt] = await Promise.all([
  chosen.some(file => isEndToEnd(file) || needs.get(file).has('dist')) ? build() : true,
  compile(chosen, compiled, 'test'),
])
if (!isBuilt) process.exit(1)

/** Builds dist/; whether that succeeded. */
async function build() {
  const child = spawn(process.execPath, [join(root, 'tools/build.mjs')], { cwd: root, stdio: 'inherit' })
  return (await once(child, 'close'))[0] === 0
}

/** A run of a file, judged by the hooks themselves or by a resident process. */
function jobOf(file, judge) {
  const name = `${file.replace(/^test\//, '').replace(/\.test\.ts$/, '')}${judge === 'resident' ? ' (resident)' : ''}`
  return {
    name,
    isUnit: !isEndToEnd(file),
    isAlone: needs.get(file).has('alone'),
    minutes: minutesOf(join(root, file)),
    program: join(compiled, file.replace(/^test\//, '').replace(/\.ts$/, '.mjs')),
    out: join(outputs, name.replaceAll('/', '.')),
    env: judge === 'resident' ? { NIXSIG_TEST_RESIDENT: '1' } : {},
  }
}

const both = chosen.filter(file => needs.get(file).has('both-judges'))
const jobs = [
  ...(values.judge === 'resident' ? [] : chosen.map(file => jobOf(file, 'hook'))),
  ...(values.judge === 'hook' ? [] : both.map(file => jobOf(file, 'resident'))),
]

const seconds = milliseconds => (milliseconds / 1000).toFixed(1).padStart(7)
const done = []

/** Tells of a file that ended; all that it said, if it failed or is the only one. */
function report(job, { passed, milliseconds }) {
  const facts = readFacts(job)
  done.push({ job, passed, milliseconds, facts })
  if (!passed || jobs.length === 1) console.log(outputOf(job))
  console.log(
    `${passed ? 'ok    ' : 'FAILED'} ${seconds(milliseconds)} s ${count(facts, 'passed')} tests  ${job.name}`,
  )
}

function readFacts({ out }) {
  try {
    return readFileSync(`${out}.facts`, 'utf8').split('\n').filter(Boolean).map(JSON.parse)
  } catch {
    return [] // It ended before it wrote any.
  }
}

const count = (facts, outcome) => facts.filter(fact => fact.outcome === outcome).length

const start = Date.now()
// The longest first, then the other end-to-end files. The short unit tests fill up what is left at
// the end.
const together = jobs
  .filter(job => !job.isAlone)
  .sort((one, other) => other.minutes - one.minutes || one.isUnit - other.isUnit)
const alone = jobs.filter(job => job.isAlone)
await runAll(together, { slots, spare }, values.node, report)
await runAll(alone, { slots: 1, spare: 0 }, values.node, report)

// A log is read from its end: how long each file took, the slowest first, and at the very end what
// failed.
console.log('\nseconds of each file:')
for (const { job, milliseconds } of done.sort((one, other) => other.milliseconds - one.milliseconds))
  console.log(`${seconds(milliseconds)}  ${job.name}`)
const facts = done.flatMap(({ facts }) => facts)
console.log(
  `\n${count(facts, 'passed')} tests passed, ${count(facts, 'skipped')} skipped, ${count(facts, 'failed')} failed ` +
    `in ${seconds(Date.now() - start).trim()} s`,
)
const failures = done.filter(({ passed }) => !passed)
for (const { job, facts } of failures) {
  console.log(`\nFAILED ${job.name}`)
  for (const { name, reason } of facts.filter(({ outcome }) => outcome === 'failed'))
    console.log(`${name}\n${reason}`)
}
process.exit(failures.length === 0 ? 0 : 1)
