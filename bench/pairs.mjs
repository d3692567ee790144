// Runs two commands in turn and prints, as JSON, how long each run took: node pairs.mjs COUNT
// '["a","arg"]' '["b"]'. Two more commands, if there are, run before the first and the second each time,
// and are not timed.
//
// It runs inside the world, so that only the commands are timed; every run has a clean environment.

import { spawnSync } from 'node:child_process'

const [count, ...commands] = process.argv.slice(2)
const [first, second, beforeFirst, beforeSecond] = commands.map(text => JSON.parse(text))

function time([program, ...args]) {
  const start = process.hrtime.bigint()
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', DRV_PATH: args[0] ?? '' }
  const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8' })
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return seconds
}

function timeAfter(before, command) {
  if (before !== undefined) time(before)
  return time(command)
}

const runs = []
for (let i = -2; i < Number(count); i++) {
  const pair = [timeAfter(beforeFirst, first), timeAfter(beforeSecond, second)]
  if (i >= 0) runs.push(pair)
}
console.log(JSON.stringify(runs))
