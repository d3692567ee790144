import { execFile } from 'node:child_process'
import { deadlineSignal } from './deadline.ts'
import { findProgram } from './programs.ts'
import { FileError } from './regular-file.ts'

const OUTPUT_LIMIT = 4 * 1024 * 1024

/**
 * How a program ended and what it printed. `status` is null if a signal or the time limit ended it.
 */
export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program found by findProgram, with only PATH in its environment, empty standard input and
 * a time limit in milliseconds; the caller's deadline ends it sooner. Throws FileError if there is
 * no such program.
 */
export function runProgram(name: string, args: readonly string[], timeout: number): Promise<Finished> {
  const program = findProgram(name)
  if (program === undefined)
    return Promise.reject(new FileError(`there is no program ${name} on this system`))
  const env = {
    PATH: '/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  }
  return new Promise(resolve => {
    const child = execFile(
      program,
      [...args],
      {
        env,
        // The remaining time may be a fraction, and zero would mean no limit.
        timeout: Math.max(1, Math.ceil(timeout)),
        signal: deadlineSignal(),
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_LIMIT,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null
        resolve({ status, stdout, stderr })
      },
    )
    child.stdin?.end()
  })
}
