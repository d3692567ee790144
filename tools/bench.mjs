// Runs the benchmarks: node tools/bench.mjs [NAME]…, by default all of them; `git` stands for all
// of bench/git-*.ts. They print ratios of times measured in pairs; nothing passes or fails.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'
import { ensureTestTools } from './ensure.mjs'
import { runCompiled } from './run-compiled.mjs'

function namesOfGit() {
  const names = readdirSync(join(root, 'bench')).map(file => file.replace(/\.ts$/, ''))
  return names.filter(name => name.startsWith('git-'))
}

const ALL = [
  'hooks',
  'builds',
  'imports',
  'gate',
  'cli',
  'git',
  'approve',
  'lists',
  'reach',
  'audit',
  'page',
  'decisions',
]

const named = process.argv.slice(2)
const names = (named.length > 0 ? named : ALL).flatMap(name => (name === 'git' ? namesOfGit() : [name]))
const statuses = []
await ensureTestTools({ endToEnd: true, browser: names.includes('page') })
for (const name of names) statuses.push(await runCompiled(`bench/${name}.ts`))
process.exit(Math.max(...statuses))
