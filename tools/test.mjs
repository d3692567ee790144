// Compiles the tests with esbuild and runs them with node:test.
//
//   node tools/test.mjs [--only SUBSTRING]… [--unit] [--judge hook|resident] [--node PATH]
//
// A test file lies under test/ and ends in .test.ts; SUBSTRING is matched against its path. `--unit` leaves out
// test/e2e/, whose files run two at a time, but for those that cannot: each has a /nix of its own. Those that hold both
// judges to the same verdicts run twice: once the hooks judge themselves, once a resident process does it for them
// (`nixsig serve`). `--judge` leaves out one of the two.
// Unit tests see no /nix, as on a machine that never had Nix. First it installs what the tests need (on Debian, as root) or says in one line what is missing.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import glob from 'fast-glob'
import { compile, root } from './compile.mjs'
import { ensureTestTools } from './ensure.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    unit: { type: 'boolean', default: false },
    judge: { type: 'string' },
    node: { type: 'string', default: process.execPath },
  },
})

if (![undefined, 'hook', 'resident'].includes(values.judge)) {
  console.error('--judge is hook or resident')
  process.exit(2)
}

/**
 * The contract of whoever judges, hook or resident process: the end-to-end tests that run against both. All others run
 * once, for either way ends in the same function (src/verifier/hook-answer.ts).
 */
const BOTH_JUDGES =
  /^test\/e2e\/(attacks-configuration|attacks-outputs|hooks|in-band-attacks|interrupted|policy-changes|sources-and-kinds)\.test\.ts$/

/** End-to-end tests that listen at the port that the documentation names, or weigh times: one at a time. */
const ALONE =
  /^test\/e2e\/(docs|doctor|expectations|fleet|gate-faults|gate-flood|holders|how-to-.*|killed-builds|nixos-.*|readme|setup|vm-scripts)\.test\.ts$/

const chosen = (await glob('test/**/*.test.ts', { cwd: root }))
  .filter(file => values.only.length === 0 || values.only.some(part => file.includes(part)))
  .filter(file => !values.unit || !file.startsWith('test/e2e/'))
  .sort()
if (chosen.length === 0) {
  console.error('no test file matches')
  process.exit(2)
}
await ensureTestTools({ endToEnd: chosen.some(file => file.startsWith('test/e2e/')) })

const compiled = join(root, '.build/test')
rmSync(compiled, { recursive: true, force: true })
await compile(chosen, compiled, 'test')

/** What tools/test-reporter.mjs tells of each run, a file each. */
const facts = join(root, '.build/test-facts')
rmSync(facts, { recursive: true, force: true })
mkdirSync(facts, { recursive: true })

/** Runs some compiled test files; the exit status of node's test runner. */
function run(files, concurrency, { env = {}, wrapper = [] } = {}) {
  if (files.length === 0) return 0
  const paths = files.map(file => join(compiled, file.replace(/^test\//, '').replace(/\.ts$/, '.mjs')))
  const args = [
    '--enable-source-maps',
    '--test',
    `--test-concurrency=${concurrency}`,
    ...['--test-reporter=tap', '--test-reporter-destination=stdout'],
    ...[
      `--test-reporter=${join(root, 'tools/test-reporter.mjs')}`,
      `--test-reporter-destination=${join(facts, String(readdirSync(facts).length))}`,
    ],
    ...paths,
  ]
  const [program, ...rest] = [...wrapper, values.node, ...args]
  return (
    spawnSync(program, rest, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1
  )
}

/**
 * What unit tests are started by: they run as on a machine that never had Nix. Whoever is not root, or has Node itself in
 * the store, runs them as the machine is.
 */
function withoutStore() {
  const canHide =
    process.getuid?.() === 0 && existsSync('/nix') && !realpathSync(values.node).startsWith('/nix/')
  return canHide ? ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /nix && exec "$@"', 'sh'] : []
}

const endToEnd = chosen.filter(file => file.startsWith('test/e2e/'))
const unit = chosen.filter(file => !file.startsWith('test/e2e/'))
if (endToEnd.length > 0) {
  const built = spawnSync(process.execPath, [join(root, 'tools/build.mjs')], { cwd: root, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
}
const together = endToEnd.filter(file => !ALONE.test(file))
const alone = endToEnd.filter(file => ALONE.test(file))
const judged = endToEnd.filter(file => BOTH_JUDGES.test(file))
const statuses = [
  run(values.judge === 'resident' ? [] : unit, 2, { wrapper: withoutStore() }),
  ...(values.judge === 'resident' ? [] : [run(together, 2), run(alone, 1)]),
  run(values.judge === 'hook' ? [] : judged, 2, { env: { NIXSIG_TEST_RESIDENT: '1' } }),
]

/** Prints how long each file took, the slowest first, and at the very end what failed: a log is read from its end. */
function printFacts() {
  const all = readdirSync(facts)
    .flatMap(run => readFileSync(join(facts, run), 'utf8').split('\n'))
    .filter(Boolean)
    .map(line => JSON.parse(line))
  const name = file => relative(root, file)
  const times = new Map()
  for (const { file, milliseconds = 0 } of all) times.set(file, (times.get(file) ?? 0) + milliseconds)
  console.log('\nseconds of each file:')
  for (const [file, milliseconds] of [...times].sort(([, one], [, other]) => other - one))
    console.log(`${(milliseconds / 1000).toFixed(1).padStart(7)}  ${name(file)}`)
  for (const { failed, file, reason } of all.filter(fact => fact.failed !== undefined))
    console.log(`\nFAILED ${name(file ?? '?')}: ${failed}\n${reason}`)
}

printFacts()
process.exit(statuses.every(status => status === 0) ? 0 : 1)
