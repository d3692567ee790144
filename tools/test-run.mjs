// Runs compiled test files, each in a process and, where this machine lets it, a network of its
// own.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, realpathSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { root } from './compile.mjs'

/**
 * A file that takes longer hangs: 20 minutes, several times what the slowest one needs on a busy
 * machine.
 */
const LONGEST_FILE = 20 * 60 * 1000

/** For these milliseconds, this share of the processors' time has to be idle before one more begins. */
const IDLE_FOR = 8000
const MOSTLY_IDLE = 0.35

// An address besides 127.0.0.1, as Nix asks no substituter on a machine that has no other. It leads
// nowhere. Servers at 198.51.100.0/24 are on another machine, as far as a program can tell: none of
// these addresses is on an interface.
const OWN_NETWORK = [
  'ip link set lo up',
  'ip address add 192.0.2.1/32 dev lo',
  'ip route add local 198.51.100.0/24 dev lo',
  'ip route add local 10.99.0.0/24 dev lo',
].join(' && ')
// A unit test runs as on a machine that never had Nix.
const WITHOUT_STORE = 'mount -t tmpfs none /nix'

/**
 * What a test file is started by. Needs root; without it a file shares this machine's network and
 * store.
 */
function wrapper({ isUnit }, node) {
  if (process.getuid?.() !== 0) return []
  const hidesStore = isUnit && existsSync('/nix') && !realpathSync(node).startsWith('/nix/')
  const steps = [OWN_NETWORK, ...(hidesStore ? [WITHOUT_STORE] : []), 'exec "$@"']
  return ['unshare', '--net', ...(hidesStore ? ['--mount'] : []), 'sh', '-c', steps.join(' && '), 'sh']
}

/**
 * Runs one file to its end.
 *
 * @param job `program`: the compiled file; `isUnit`; `env`: added to this process's own; `out`:
 *   what the names of the files with its output (.log) and its facts (.facts, see
 *   test-reporter.mjs) begin with
 * @returns whether it passed, and the milliseconds that it took
 */
export async function runFile(job, node) {
  const log = openSync(`${job.out}.log`, 'w')
  const [program, ...args] = [
    ...wrapper(job, node),
    node,
    '--enable-source-maps',
    ...['--test-reporter=tap', '--test-reporter-destination=stdout'],
    `--test-reporter=${join(root, 'tools/test-reporter.mjs')}`,
    `--test-reporter-destination=${job.out}.facts`,
    job.program,
  ]
  const start = Date.now()
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...job.env },
    stdio: ['ignore', log, log],
    timeout: LONGEST_FILE,
    killSignal: 'SIGKILL',
  })
  closeSync(log)
  const status = await new Promise(resolve => {
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
  return { passed: status === 0, milliseconds: Date.now() - start }
}

/**
 * Runs jobs, so many at a time, and tells `report` of each that ended. `spare` more are begun, one
 * by one, while the processors have little to do: some files wait for most of their time.
 */
export async function runAll(jobs, { slots, spare }, node, report) {
  const waiting = [...jobs]
  const working = new Set()
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      report(job, await runFile(job, node))
      if (working.size > slots) return
    }
  }
  const begin = () => {
    const one = work().finally(() => working.delete(one))
    working.add(one)
  }
  for (let slot = 0; slot < slots; slot++) begin()
  const idleShare = watchIdleness()
  const timer = setInterval(() => {
    if (idleShare() > MOSTLY_IDLE && waiting.length > 0 && working.size < slots + spare) begin()
  }, IDLE_FOR)
  try {
    while (working.size > 0) await Promise.race(working)
  } finally {
    clearInterval(timer)
  }
}

/** The share of its time, since it was last asked, that a processor of this machine was idle. */
function watchIdleness() {
  let before = { idle: 0, all: 0 }
  return () => {
    // Of a machine that lends only some of its processors, nothing is known.
    if (cpus().length !== availableParallelism()) return 0
    const times = cpus().map(each => each.times)
    const idle = times.reduce((sum, each) => sum + each.idle, 0)
    const all = times.reduce((sum, each) => sum + Object.values(each).reduce((one, two) => one + two), 0)
    const share = before.all === 0 ? 0 : (idle - before.idle) / (all - before.all)
    before = { idle, all }
    return share
  }
}

/** All that a file's process has written. */
export const outputOf = job => readFileSync(`${job.out}.log`, 'utf8')
