// Runs the fuzzer: node tools/fuzz.mjs [--seed N] [--seconds N] [--cases N] [--only NAME]. Nothing
// needs to be installed.

import { runCompiled } from './run-compiled.mjs'

process.exit(await runCompiled('fuzz/main.ts', process.argv.slice(2), { build: false }))
