// Runs the formatter and linter with the given arguments. Calls the program for this machine
// directly: biome's wrapper would need the programs for every other platform installed too.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

const program = createRequire(import.meta.url).resolve(`@biomejs/cli-linux-${process.arch}/biome`)
process.exit(spawnSync(program, process.argv.slice(2), { stdio: 'inherit' }).status ?? 1)
