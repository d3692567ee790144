// Runs the benchmarks: node tools/bench.mjs [NAME]…, by default all of them; `git` stands for
// bench/git.ts and bench/git-*.ts. They print ratios of
// times measured in pairs; nothing passes or fails.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'
import { ensureTestTools } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

function namesOfGit() {
  const names = readdirSync(join(root, 'bench')).map(file => file.replace(/\.ts$/, ''))
  return names.filter(name => name === 'git' || name.startsWith('git-'))
}

const named = process.argv.slice(2)
const statuses = []
await ensureTestTools({ endToEnd: true })
const all = named.length > 0 ? named : ['hooks', 'builds', 'imports', 'gate', 'cli', 'git']
for (const name of all.flatMap(each => (each === 'git' ? namesOfGit() : [each]))) {
  statuses.push(await runCompiled(`bench/${name}.ts`))
}
process.exit(Math.max(...statuses))
