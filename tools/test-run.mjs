// Runs compiled test files, each in a process and, where this machine lets it, a network of its
// own.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

/**
 * A file that takes longer hangs: 20 minutes, several times what the slowest one needs on a busy
 * machine.
 */
const LONGEST_FILE = 20 * 60 * 1000

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

/** Runs jobs, so many at a time, and tells `report` of each that ended. */
export async function runAll(jobs, slots, node, report) {
  const waiting = [...jobs]
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
      report(job, await runFile(job, node))
  }
  await Promise.all(Array.from({ length: slots }, work))
}

/** All that a file's process has written. */
export const outputOf = job => readFileSync(`${job.out}.log`, 'utf8')
