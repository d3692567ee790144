// Runs the benchmarks: node tools/bench.mjs. They print ratios of commands timed in pairs; nothing passes or fails.

import { ensureTestTools } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

ensureTestTools({ endToEnd: true })
process.exit(await runCompiled('bench/hooks.ts'))
