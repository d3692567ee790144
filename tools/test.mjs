// Compiles the tests with esbuild and runs them with node:test.
//
//   node tools/test.mjs [--only SUBSTRING]… [--unit] [--node PATH]
//
// A test file lies under test/ and ends in .test.ts; SUBSTRING is matched against its path. `--unit` leaves out
// test/e2e/, whose files run one at a time: each has a /nix of its own and wants the whole machine.
// First it installs what the tests need (on Debian, as root) or says in one line what is missing.

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import glob from 'fast-glob'
import { compile, root } from './compile.mjs'
import { ensureTestTools } from './ensure.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    unit: { type: 'boolean', default: false },
    node: { type: 'string', default: process.execPath },
  },
})

const chosen = (await glob('test/**/*.test.ts', { cwd: root }))
  .filter(file => values.only.length === 0 || values.only.some(part => file.includes(part)))
  .filter(file => !values.unit || !file.startsWith('test/e2e/'))
  .sort()
if (chosen.length === 0) {
  console.error('no test file matches')
  process.exit(2)
}
ensureTestTools({ endToEnd: chosen.some(file => file.startsWith('test/e2e/')) })

const compiled = join(root, '.build/test')
rmSync(compiled, { recursive: true, force: true })
await compile(chosen, compiled, 'test')

/** Runs some compiled test files; the exit status of node's test runner. */
function run(files, concurrency) {
  if (files.length === 0) return 0
  const paths = files.map(file => join(compiled, file.replace(/^test\//, '').replace(/\.ts$/, '.mjs')))
  const args = ['--enable-source-maps', '--test', `--test-concurrency=${concurrency}`, ...paths]
  return spawnSync(values.node, args, { cwd: root, stdio: 'inherit' }).status ?? 1
}

const endToEnd = chosen.filter(file => file.startsWith('test/e2e/'))
const unit = chosen.filter(file => !file.startsWith('test/e2e/'))
if (endToEnd.length > 0) {
  const built = spawnSync(process.execPath, [join(root, 'tools/build.mjs')], { cwd: root, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
}
const statuses = [run(unit, 2), run(endToEnd, 1)]
process.exit(statuses.every(status => status === 0) ? 0 : 1)
