/** What the kernel reports about processes: proc(5). */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isDaemon, isProcessNumber, socketInode, wordsOf } from '../files/proc-files.ts'
import { type Environment, VARIABLES } from './conf-files.ts'

/** A file that a process has mapped into its memory. */
export interface MappedFile {
  readonly path: string
  /** Whether the file was replaced or deleted since it was mapped. */
  readonly isReplaced: boolean
}

/** A nix-daemon that listens. */
export interface DaemonProcess {
  readonly pid: number
  /** Milliseconds since 1970, accurate to about ten. */
  readonly started: number
  readonly environment: Environment
  /** The command-line options that configure Nix. */
  readonly options: readonly string[]
  /** Whether it was told to trust every client (`--force-trusted`). */
  readonly isForcedToTrust: boolean
}

/**
 * The kernel's clock ticks per second, in which it counts a process's start (proc(5), `starttime`;
 * sysconf(3), _SC_CLK_TCK).
 */
const TICKS = 100

/** Options that only nix-daemon itself understands. */
const OWN_OPTIONS = ['--daemon', '--process-ops', '--default-trust', '--force-trusted', '--force-untrusted']

/** Whether a daemon serves one client over its standard input and listens to nobody. */
function servesOne(words: readonly string[]): boolean {
  return words.includes('--stdio') || isProcessNumber(words[1] ?? '')
}

/**
 * The nix-daemons of this machine that run as root, without the processes that they fork for each
 * client, without those that serve one client only (`--stdio`, as the gate and ssh start them), and
 * without those of other root directories (containers).
 */
export function findDaemons(proc = '/proc'): readonly DaemonProcess[] {
  const root = identity(join(proc, 'self/root/.'))
  const found = readdirSync(proc).flatMap(name => {
    if (!isProcessNumber(name)) return []
    // A process that has ended meanwhile is skipped.
    try {
      const directory = join(proc, name)
      const words = wordsOf(readFileSync(join(directory, 'cmdline'), 'latin1'))
      if (!isDaemon(words) || servesOne(words) || statSync(directory).uid !== 0) return []
      if (identity(join(directory, 'root/.')) !== root) return []
      return [describe(Number(name), directory, words, proc)]
    } catch {
      return []
    }
  })
  const pids = new Set(found.map(({ daemon }) => daemon.pid))
  const daemons = found.filter(({ parent }) => !pids.has(parent)).map(({ daemon }) => daemon)
  if (daemons.length < 2) return daemons
  // After a restart, processes for the old daemon's clients run on without a parent, and do not
  // listen.
  const sockets = listeningSockets(proc)
  const listening = daemons.filter(({ pid }) => holdsSocket(pid, sockets, proc))
  return listening.length > 0 ? listening : daemons
}

/**
 * Inodes of the Unix sockets on which nix-daemons of any store listen: proc_net_unix(5), unix(7).
 */
function listeningSockets(proc: string): ReadonlySet<string> {
  const ACCEPTS = '00010000'
  const lines = readFileSync(join(proc, 'net/unix'), 'utf8').split('\n')
  return new Set(
    lines.flatMap(line => {
      const [, , , flags, , , inode, path = ''] = line.split(/ +/)
      return flags === ACCEPTS && inode !== undefined && path.endsWith('/daemon-socket/socket') ? [inode] : []
    }),
  )
}

function holdsSocket(pid: number, inodes: ReadonlySet<string>, proc: string): boolean {
  const directory = join(proc, String(pid), 'fd')
  try {
    return readdirSync(directory).some(file => {
      const inode = socketInode(readlinkSync(join(directory, file)))
      return inode !== undefined && inodes.has(inode)
    })
  } catch {
    return false // it has ended meanwhile
  }
}

/**
 * The files that a process has mapped, each once. Throws if the process is gone or belongs to
 * another user.
 */
export function mappedFiles(pid: number, proc = '/proc'): readonly MappedFile[] {
  const files = new Map<string, MappedFile>()
  for (const line of readFileSync(join(proc, String(pid), 'maps'), 'utf8').split('\n')) {
    const [, name = ''] = /^\S+ \S+ \S+ \S+ \d+ +(\/.*)$/.exec(line) ?? []
    if (name === '') continue
    const path = name.replace(/ \(deleted\)$/, '')
    files.set(name, { path, isReplaced: path !== name })
  }
  return [...files.values()]
}

function describe(pid: number, directory: string, words: readonly string[], proc: string) {
  const { parent, ticks } = statusOf(readFileSync(join(directory, 'stat'), 'latin1'))
  const uptime = Number(readFileSync(join(proc, 'uptime'), 'latin1').split(' ', 1)[0])
  const options = words.slice(basename(words[0] ?? '') === 'nix' ? 2 : 1)
  const daemon: DaemonProcess = {
    pid,
    started: Date.now() - uptime * 1000 + (ticks / TICKS) * 1000,
    environment: environmentOf(readFileSync(join(directory, 'environ'), 'utf8')),
    options: options.filter(option => !OWN_OPTIONS.includes(option)),
    isForcedToTrust: options.includes('--force-trusted'),
  }
  return { parent, daemon }
}

/**
 * Parent and start time from `stat` of proc(5). Only its second field can hold spaces and
 * parentheses.
 */
function statusOf(text: string): { readonly parent: number; readonly ticks: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(fields[1]), ticks: Number(fields[19]) }
}

function environmentOf(text: string): Environment {
  const variables = wordsOf(text).map(entry => {
    const at = entry.indexOf('=')
    return [entry.slice(0, at), entry.slice(at + 1)] as const
  })
  const known: readonly string[] = VARIABLES
  return Object.fromEntries(variables.filter(([name]) => known.includes(name)))
}

function identity(path: string): string {
  const { dev, ino } = statSync(path)
  return `${dev}:${ino}`
}
