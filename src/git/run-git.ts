/**
 * Git, run where nothing but this program wrote: in a repository of its own, with an environment of its own. What others'
 * repositories configure is never read by any git that is started here (src/git/receive.ts).
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { findProgram, PROGRAM_DIRECTORIES } from '../files/programs.ts'
import { FileError } from '../files/regular-file.ts'

/** Milliseconds for any one command. */
const TIME_LIMIT = 30 * 60_000

/** Characters of a complaint that are kept. */
const COMPLAINT_LIMIT = 4096

/** Nobody's configuration, no prompts, no replaced objects, nothing fetched on the way. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: PROGRAM_DIRECTORIES.join(':'),
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_NO_LAZY_FETCH: '1',
  GIT_OPTIONAL_LOCKS: '0',
}

/** For git before there were those variables, and for what has no variable. */
const SETTINGS = ['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'gc.auto=0', 'maintenance.auto=false']

/** In which repository: a directory that this program made. `env`: what this one command needs besides. */
export interface GitPlace {
  readonly directory: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts git in a repository of our own. Throws FileError if git is not installed. */
export function startGit(
  { directory, env = {} }: GitPlace,
  args: readonly string[],
): ChildProcessWithoutNullStreams {
  const program = findProgram('git')
  if (program === undefined) throw new FileError('there is no program git on this system')
  const settings = SETTINGS.flatMap(setting => ['-c', setting])
  return spawn(program, [...settings, ...args], {
    cwd: directory,
    env: { ...ENVIRONMENT, ...env, GIT_DIR: directory },
    stdio: 'pipe',
    timeout: TIME_LIMIT,
    killSignal: 'SIGKILL',
  })
}

/** How a command ended: its status, null where a signal ended it, and what it complained about. */
export interface GitEnd {
  readonly status: number | null
  readonly complaint: string
}

/** Waits for a command. What it prints is the caller's to read, or is thrown away where nobody reads. */
export function endOf(git: ChildProcessWithoutNullStreams): Promise<GitEnd> {
  let complaint = ''
  git.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_LIMIT)
  })
  git.stdin.on('error', () => undefined)
  return new Promise((resolve, reject) => {
    git.once('error', error => reject(new FileError(`cannot run git: ${error.message}`)))
    git.once('close', status => resolve({ status, complaint: complaint.trim() }))
  })
}

/** Runs a command to its end, with this on its standard input; what it prints is not wanted. */
export function runGit(place: GitPlace, args: readonly string[], input = ''): Promise<GitEnd> {
  const git = startGit(place, args)
  const end = endOf(git)
  git.stdout.resume()
  git.stdin.end(input)
  return end
}
