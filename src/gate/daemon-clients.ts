/**
 * Finds the user on whose behalf a root connection asks. nix-daemon starts a process for each of
 * its clients. That process asks the gate as root, and nix-daemon writes the client's process
 * number over its first argument (Nix: src/nix/daemon.cc, "stuff the pid into argv[1]").
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import {
  clientNumber,
  isDaemonOrWorker,
  isMorePrivileged,
  isProcessNumber,
  realUser,
  socketInode,
  startTime,
} from '../files/proc-files.ts'
import { withTurns } from '../primitives/with-turns.ts'
import { askTogether } from './ask-together.ts'

/**
 * The client of a nix-daemon process: its user number, or, if that cannot be told, the number of
 * nix-daemon's process.
 */
export type Client = { readonly user: number } | { readonly worker: string }

/** Finds the clients of nix-daemon's processes. */
export interface DaemonClients {
  /**
   * The client of the process that has this socket open, where the socket is root's. If the
   * client's user cannot be told, the number of nix-daemon's process stands for it. Undefined if
   * the socket is not nix-daemon's. Never rejects.
   */
  clientOf(inode: string): Promise<Client | undefined>
}

/**
 * REST_LIMIT: milliseconds at most between two looks at the daemon's processes.
 * SEARCH_REST_BY_TIME: a search among all processes is followed by a pause of this many times its
 * duration.
 */
const REST_LIMIT = 100
const SEARCH_REST_BY_TIME = 20

/** How many processes are looked at before other work gets a turn. */
const AT_ONCE = 16

interface Asker {
  readonly inode: string
  resolve(client: Client | undefined): void
}

/** Those who still wait for an answer, by the inode of the socket that they ask about. */
type Wanted = Map<string, readonly Asker['resolve'][]>

/** Looks once for all who ask at about the same time. `proc` is where proc(5) is mounted. */
export function openDaemonClients(proc = '/proc'): DaemonClients {
  /**
   * Known processes of nix-daemon: those that listen, and those that serve a client but whose own
   * daemon has ended.
   */
  let daemons: readonly string[] = []
  let orphans: readonly string[] = []
  let nextSearch = 0

  /** Answers those who ask about a socket of this process. */
  function take(worker: string, wanted: Wanted): void {
    let client: Client | undefined
    for (const inode of socketsOf(proc, worker)) {
      const askers = wanted.get(inode)
      if (askers === undefined) continue
      client ??= clientBehind(proc, worker)
      for (const resolve of askers) resolve(client)
      wanted.delete(inode)
    }
  }

  async function takeAll(workers: readonly string[], wanted: Wanted): Promise<void> {
    for await (const worker of withTurns(workers, AT_ONCE)) {
      if (wanted.size === 0) return
      take(worker, wanted)
    }
  }

  /**
   * Finds nix-daemon's processes among all processes: after nix-daemon was started, or when a
   * socket belongs to none of the known ones.
   */
  async function search(): Promise<void> {
    const start = performance.now()
    const found = new Map<string, boolean>()
    for await (const pid of withTurns(readdirSync(proc).filter(isProcessNumber), AT_ONCE)) {
      const line = read(`${proc}/${pid}/cmdline`)
      if (line !== undefined && isDaemonOrWorker(line)) found.set(pid, clientNumber(line) === undefined)
    }
    daemons = [...found].filter(([, isListening]) => isListening).map(([pid]) => pid)
    const known = new Set(daemons.flatMap(pid => childrenOf(proc, pid)))
    orphans = [...found.keys()].filter(pid => !daemons.includes(pid) && !known.has(pid))
    const end = performance.now()
    nextSearch = end + SEARCH_REST_BY_TIME * (end - start)
  }

  /** Newest first, since new processes are the ones that open connections. */
  const workers = () => [...daemons.flatMap(pid => childrenOf(proc, pid)).reverse(), ...orphans]

  async function look(askers: readonly Asker[]): Promise<void> {
    const wanted: Wanted = new Map()
    for (const { inode, resolve } of askers) wanted.set(inode, [...(wanted.get(inode) ?? []), resolve])
    await takeAll(workers(), wanted).catch(() => {})
    if (wanted.size > 0 && performance.now() >= nextSearch) {
      await search().catch(() => {})
      await takeAll(workers(), wanted).catch(() => {})
    }
    for (const resolves of wanted.values()) for (const resolve of resolves) resolve(undefined)
  }

  const ask = askTogether(look, took => Math.min(took, REST_LIMIT))
  return { clientOf: inode => new Promise(resolve => ask({ inode, resolve })) }
}

/**
 * The client's process number may have been reused since. It is not trusted if that process is
 * younger than the one that works for it. Nor is a program with more rights than the user who
 * started it, such as sudo: it does not tell who that user was.
 */
function clientBehind(proc: string, worker: string): Client {
  const unknown = { worker }
  const line = read(`${proc}/${worker}/cmdline`)
  const pid = line === undefined ? undefined : clientNumber(line)
  if (pid === undefined) return unknown
  const [own, other] = [worker, pid].map(each => startTime(read(`${proc}/${each}/stat`)))
  if (own === undefined || other === undefined || other > own) return unknown
  const auxiliary = read(`${proc}/${pid}/auxv`)
  const user = realUser(read(`${proc}/${pid}/status`))
  if (user === undefined || auxiliary === undefined || isMorePrivileged(auxiliary)) return unknown
  return { user }
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    // The process has ended meanwhile.
    return undefined
  }
}

function childrenOf(proc: string, pid: string): readonly string[] {
  const text = read(`${proc}/${pid}/task/${pid}/children`)?.toString('latin1') ?? ''
  return text.split(' ').filter(name => name !== '')
}

function socketsOf(proc: string, pid: string): readonly string[] {
  const inodes: string[] = []
  try {
    for (const name of readdirSync(`${proc}/${pid}/fd`)) {
      const inode = socketAt(`${proc}/${pid}/fd/${name}`)
      if (inode !== undefined) inodes.push(inode)
    }
  } catch {
    // The process has ended meanwhile, or this process may not look into it.
  }
  return inodes
}

function socketAt(link: string): string | undefined {
  try {
    return socketInode(readlinkSync(link))
  } catch {
    return undefined
  }
}
