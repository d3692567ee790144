// Runs the formatter and linter with the given arguments: the program of this machine's kind, without its wrapper, which
// would want to be installed for every other kind of machine too.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

const program = createRequire(import.meta.url).resolve(`@biomejs/cli-linux-${process.arch}/biome`)
process.exit(spawnSync(program, process.argv.slice(2), { stdio: 'inherit' }).status ?? 1)
