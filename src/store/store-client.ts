/**
 * The Nix store of this machine, asked through Nix itself: by its daemon where one listens;
 * otherwise, for root, by a daemon that this process starts. Nothing here parses the human-readable
 * output of a Nix command.
 */
import { join } from 'node:path'
import { findProgram } from '../files/programs.ts'
import { type Connection, openConnection, type Pipe } from './connection.ts'
import { GREETING, INTRODUCTION, readGreeting, readWelcome } from './handshake.ts'
import {
  addSignatures,
  addTempRoot,
  findRoots,
  type PathInfo,
  type Query,
  queryAllValidPaths,
  queryDerivers,
  queryOutputs,
  queryPathInfo,
  queryPathInfos,
  queryReferrers,
  queryValidPaths,
} from './queries.ts'
import { StoreError } from './store-error.ts'
import { openKnownPaths } from './whole-path-info.ts'

export type { PathInfo } from './queries.ts'
export { StoreError } from './store-error.ts'

/**
 * Every function throws FormatError for an argument that is not a store path, before anything is
 * sent. It throws FormatError for a malformed answer, which ends the connection, and StoreError if
 * the store reports an error, is late or is gone.
 */
export interface Store {
  /** The version that the daemon states, raw. */
  version(): Promise<string>
  /**
   * What is registered about a path; undefined if the path is not valid. Of its signatures, those
   * by keys of these names are kept first.
   */
  pathInfo(path: string, names?: ReadonlySet<string>): Promise<PathInfo | undefined>
  /** The same of many paths, in their order, with questions on their way while others are answered. */
  pathInfos(paths: readonly string[]): Promise<readonly (PathInfo | undefined)[]>
  /** Which of these are valid. */
  validPaths(paths: readonly string[]): Promise<ReadonlySet<string>>
  /** Every valid path. */
  allValidPaths(): Promise<readonly string[]>
  /** The valid paths that refer to this one. */
  referrers(path: string): Promise<readonly string[]>
  /**
   * The derivations in the store that have this path as an output; the path itself may be absent.
   */
  derivers(path: string): Promise<readonly string[]>
  /**
   * The outputs of a derivation in the store, by name; undefined where the path is not known yet.
   */
  outputs(derivation: string): Promise<ReadonlyMap<string, string | undefined>>
  /**
   * Every path that a garbage collection keeps for its own sake, by a link or an open file. Links
   * of other users are among them whoever asks.
   */
  roots(): Promise<ReadonlySet<string>>
  /** Protects a path from garbage collection until `close`. */
  addTempRoot(path: string): Promise<void>
  /** Adds signatures, `name:base64` each, to a valid path. */
  addSignatures(path: string, signatures: readonly string[]): Promise<void>
  /** Whether it can still be asked: the other side is there and has kept to the protocol. */
  isOpen(): boolean
  close(): void
}

export interface StoreOptions {
  /** The daemon's Unix socket; the usual one by default. */
  readonly socket?: string
  /**
   * The directory of the nix-daemon to start where none listens; by default, where root's programs
   * are.
   */
  readonly nixBin?: string
  /** Milliseconds for a connection and for each request; thirty seconds by default. */
  readonly timeout?: number
}

const SOCKET = '/nix/var/nix/daemon-socket/socket'
const TIMEOUT = 30_000

/**
 * Opens the store. Throws StoreError if no daemon listens and this process may not or cannot start
 * one, and whatever the first exchange with it throws.
 */
export async function openStore(options: StoreOptions = {}): Promise<Store> {
  const timeout = options.timeout ?? TIMEOUT
  const connection = openConnection(await openPipe(options, timeout), timeout)
  try {
    const minor = await connection.exchange(GREETING, readGreeting())
    return storeOver(connection, await connection.exchange(INTRODUCTION, readWelcome(minor)))
  } catch (error) {
    connection.close()
    throw error
  }
}

async function openPipe(options: StoreOptions, timeout: number): Promise<Pipe> {
  // Imported late: a hook that needs no store starts without node:net and node:child_process.
  const { connectSocket } = await import('./socket.ts')
  const served = await connectSocket(options.socket ?? SOCKET, timeout)
  if (served !== undefined) return served
  if (process.geteuid?.() !== 0) {
    throw new StoreError('no Nix daemon listens, and only root can open the store without one')
  }
  const program =
    options.nixBin === undefined ? findProgram('nix-daemon') : join(options.nixBin, 'nix-daemon')
  if (program === undefined)
    throw new StoreError('no Nix daemon listens, and there is no nix-daemon to start')
  const { spawnDaemon } = await import('./stdio.ts')
  return spawnDaemon(program)
}

function storeOver(connection: Connection, version: string): Store {
  // Async, so that an argument that is not a store path rejects like every other error.
  const ask = async <T>(query: () => Query<T>): Promise<T> => {
    const { request, answer } = query()
    return connection.exchange(request, answer)
  }
  const known = openKnownPaths()
  return {
    version: async () => version,
    pathInfo: (path, names) => ask(() => queryPathInfo(path, names)),
    pathInfos: async paths => connection.exchangeAll(queryPathInfos(paths, known)),
    validPaths: paths => ask(() => queryValidPaths(paths)),
    allValidPaths: () => ask(() => queryAllValidPaths()),
    referrers: path => ask(() => queryReferrers(path)),
    roots: () => ask(() => findRoots()),
    derivers: path => ask(() => queryDerivers(path)),
    outputs: derivation => ask(() => queryOutputs(derivation)),
    addTempRoot: path => ask(() => addTempRoot(path)),
    addSignatures: (path, signatures) => ask(() => addSignatures(path, signatures)),
    isOpen: () => connection.isOpen(),
    close: () => connection.close(),
  }
}
