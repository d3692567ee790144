/**
 * Runs git only in repositories that this program made, with an environment of its own. No git
 * started here ever reads the configuration of another repository (src/git/receive.ts).
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { findProgram, PROGRAM_DIRECTORIES } from '../files/programs.ts'
import { FileError } from '../files/regular-file.ts'

/** Milliseconds for one command. */
const TIME_LIMIT = 30 * 60_000

/** Characters of standard error that are kept. */
const COMPLAINT_LIMIT = 4096

/** No system or user configuration, no prompts, no replaced objects, no lazy fetching. */
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

/** For versions of git that do not know these variables, and for settings without a variable. */
const SETTINGS = ['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'gc.auto=0', 'maintenance.auto=false']

/**
 * Bytes of one file that git writes, and of the memory that it fills, where prlimit(1) is there to
 * say so: a pack of a hundred bytes can stand for an object of many gigabytes, which git would
 * make in memory before anything else is known of it. Packs that are mapped do not count. With its
 * base, an object of the largest size that is read (objects.ts) fits.
 */
const FILE_LIMIT = 16 * 1024 ** 3
const MEMORY_LIMIT = 1536 * 1024 ** 2

/**
 * The repository to run in: a directory that this program made. `env`: variables for this one
 * command.
 */
export interface GitPlace {
  readonly directory: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Starts git in a repository of our own. `stdout`: a descriptor to which it prints in place of a
 * pipe; the process then has no stream `stdout`. Throws FileError if git is not installed.
 */
export function startGit(
  { directory, env = {} }: GitPlace,
  args: readonly string[],
  stdout: number | 'pipe' = 'pipe',
): ChildProcessWithoutNullStreams {
  const program = findProgram('git')
  if (program === undefined) throw new FileError('there is no program git on this system')
  const settings = SETTINGS.flatMap(setting => ['-c', setting])
  const words = [program, ...settings, ...args]
  const prlimit = findProgram('prlimit')
  const limits = [`--fsize=${FILE_LIMIT}`, `--data=${MEMORY_LIMIT}`]
  const [first = '', ...rest] = prlimit === undefined ? words : [prlimit, ...limits, ...words]
  return spawn(first, rest, {
    cwd: directory,
    env: { ...ENVIRONMENT, ...env, GIT_DIR: directory },
    stdio: ['pipe', stdout, 'pipe'],
    timeout: TIME_LIMIT,
    killSignal: 'SIGKILL',
  }) as ChildProcessWithoutNullStreams
}

/**
 * How a command ended: its status, null if a signal ended it, and what it printed to standard
 * error.
 */
export interface GitEnd {
  readonly status: number | null
  readonly complaint: string
}

/**
 * Waits for a command to end. The caller reads or discards its standard output. Rejects with
 * FileError if git cannot be run.
 */
export function endOf(git: ChildProcessWithoutNullStreams): Promise<GitEnd> {
  let complaint = ''
  git.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_LIMIT)
  })
  git.stdin.on('error', () => undefined)
  return new Promise((resolve, reject) => {
    git.once('error', error => reject(new FileError(`cannot run git: ${error.message}`)))
    git.once('close', status => resolve({ status, complaint: complaint.trim() }))
  })
}

/** Runs a command to its end with this standard input; its standard output is discarded. */
export function runGit(place: GitPlace, args: readonly string[], input = ''): Promise<GitEnd> {
  const git = startGit(place, args)
  const end = endOf(git)
  git.stdout.resume()
  git.stdin.end(input)
  return end
}
