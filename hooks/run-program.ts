/** Runs a program that root listed, as Nix would run its post-build hook. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { assertOwnProgram } from '../src/files/own-program.ts'
import { wordsOf } from '../src/files/proc-files.ts'
import { FileError } from '../src/files/regular-file.ts'
import { printable } from '../src/primitives/printable.ts'

export type Environment = Readonly<Record<string, string>>

/** How a program is run. */
export interface Run {
  readonly environment: Environment
  /** Milliseconds until it is killed, with all that it started. */
  readonly limit: number
}

const MINUTE = 60_000

/**
 * Runs a program as the user of this process, with nothing on its standard input; returns what was
 * wrong, undefined if it succeeded. It is not run if others could have written it.
 */
export function runProgram(program: string, { environment, limit }: Run): Promise<string | undefined> {
  try {
    assertOwnProgram(program)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return Promise.resolve(`was not run: ${error.message}`)
  }
  return new Promise(resolve => {
    // A group of its own, so that whatever it started ends with it.
    const child = spawn(program, [], {
      env: environment,
      cwd: '/',
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    })
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      resolve(
        `took longer than ${limit < MINUTE ? `${limit} ms` : `${limit / MINUTE} minutes`}, and was killed`,
      )
    }, limit)
    const end = (problem: string | undefined) => {
      clearTimeout(timer)
      resolve(problem)
    }
    child.once('error', error => end(`cannot be run: ${printable(error.message)}`))
    child.once('exit', (code, signal) => {
      if (code === 0) return end(undefined)
      end(signal === null ? `ended with status ${code}` : `was ended by ${signal}`)
    })
  })
}

/**
 * The environment that Nix had when it was started, which is what its own hook would have got: what
 * judges runs without it. What Nix does not have is added: PATH, HOME and USER of this process's
 * user. `proc`: proc(5).
 */
export function environmentOfNix(nix: number = process.ppid, proc = '/proc'): Environment {
  const { username, homedir } = userInfo()
  return { PATH: process.env['PATH'] ?? '', HOME: homedir, USER: username, ...initialEnvironment(nix, proc) }
}

function initialEnvironment(pid: number, proc: string): Environment {
  try {
    const entries = wordsOf(readFileSync(`${proc}/${pid}/environ`, 'utf8')).filter(
      entry => entry.indexOf('=') > 0,
    )
    return Object.fromEntries(
      entries.map(entry => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    )
  } catch {
    return {} // Nix has ended
  }
}
