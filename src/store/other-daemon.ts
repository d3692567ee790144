import { spawn } from 'node:child_process'
import { userInfo } from 'node:os'
import { PROGRAM_DIRECTORIES } from '../files/programs.ts'
import { pipeTo } from './child-pipe.ts'
import type { Pipe } from './connection.ts'

/** A store other than this machine's own, as Nix names it, and how ssh gets there. */
export interface OtherStore {
  /** The value of NIX_REMOTE: `ssh-ng://host`, `/mnt`. */
  readonly remote: string
  /** Options of ssh, without spaces in them. */
  readonly sshOptions: readonly string[]
}

/** A nix-daemon that speaks for another store; `program` is its absolute path. */
export function spawnOtherDaemon(program: string, store: OtherStore): Pipe {
  // Without a group of builders Nix leaves the other store's directory as it is.
  return spawnNix([program, '--stdio', '--option', 'build-users-group', ''], store)
}

/**
 * Starts a program of Nix that asks another store. Nothing of the caller's environment and no
 * setting of this machine's Nix acts on it: no plugin, no hook, no substituter. It and what it
 * starts, such as ssh, are a process group of their own, which ends with the pipe. Never throws: a
 * failure ends the pipe.
 */
export function spawnNix(
  [program, ...args]: readonly [string, ...string[]],
  { remote, sshOptions }: OtherStore,
): Pipe {
  const { homedir, username } = userInfo()
  const child = spawn(program, args, {
    cwd: '/',
    detached: true,
    env: {
      PATH: PROGRAM_DIRECTORIES.join(':'),
      HOME: homedir,
      USER: username,
      LANG: 'C.UTF-8',
      NIX_REMOTE: remote,
      NIX_SSHOPTS: sshOptions.join(' '),
      NIX_CONF_DIR: '/var/empty/nixsig',
      NIX_USER_CONF_FILES: '',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const { pid } = child
  const pipe = pipeTo(child, () => endGroup(pid))
  // It keeps no program from ending; whoever waits for an answer has a timer.
  for (const one of [child, child.stdin, child.stdout, child.stderr] as readonly Unrefable[]) one.unref()
  if (pid !== undefined) keepGroup(pid)
  // What it started may live on after it.
  child.on('exit', () => endGroup(pid))
  return pipe
}

/** A child and its pipes, which are sockets. */
interface Unrefable {
  unref(): void
}

/**
 * The process groups that run, by the number of their first process, which has not been waited for.
 */
const groups = new Set<number>()

function keepGroup(pid: number): void {
  if (groups.size === 0) process.once('exit', endAll)
  groups.add(pid)
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined || !groups.delete(pid)) return
  if (groups.size === 0) process.removeListener('exit', endAll)
  kill(pid)
}

function endAll(): void {
  for (const pid of groups) kill(pid)
}

function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}
