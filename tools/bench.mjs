// Runs the benchmarks: node tools/bench.mjs [NAME]…, by default all of them. They print ratios of
// times measured in pairs; nothing passes or fails.

import { ensureTestTools } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

const named = process.argv.slice(2)
const statuses = []
await ensureTestTools({ endToEnd: true })
for (const name of named.length > 0
  ? named
  : ['hooks', 'builds', 'imports', 'gate', 'cli', 'git', 'histories']) {
  statuses.push(await runCompiled(`bench/${name}.ts`))
}
process.exit(Math.max(...statuses))
