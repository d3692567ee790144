// Runs the benchmarks: node tools/bench.mjs [NAME]…, all of them if none is named. They print ratios of what was timed
// in pairs; nothing passes or fails.

import { ensureTestTools } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

const named = process.argv.slice(2)
const statuses = []
await ensureTestTools({ endToEnd: true })
for (const name of named.length > 0 ? named : ['hooks', 'builds', 'imports', 'gate', 'cli']) {
  statuses.push(await runCompiled(`bench/${name}.ts`))
}
process.exit(Math.max(...statuses))
