/**
 * The Nix store of this machine, asked through Nix itself: by its daemon where one listens, else, for root, by a daemon
 * of our own on a pipe. Nothing here reads what a person-readable command of Nix prints.
 */
import { join } from 'node:path'
import { findProgram } from '../files/programs.ts'
import { type Connection, openConnection, type Pipe } from './connection.ts'
import { GREETING, INTRODUCTION, readGreeting, readWelcome } from './handshake.ts'
import {
  addSignatures,
  addTempRoot,
  type PathInfo,
  type Query,
  queryDerivers,
  queryOutputs,
  queryPathInfo,
  queryReferrers,
  queryValidPaths,
} from './queries.ts'
import { StoreError } from './store-error.ts'

export type { PathInfo } from './queries.ts'
export { StoreError } from './store-error.ts'

/**
 * Every function throws FormatError for an argument that is no store path, before anything is sent, and for an answer
 * that is malformed, which ends the connection; and StoreError if the store reports an error, is late, or is gone.
 */
export interface Store {
  /** The version that the daemon states of itself, raw. */
  version(): Promise<string>
  /** What is registered about a path; undefined for one that is not valid. */
  pathInfo(path: string): Promise<PathInfo | undefined>
  /** Which of these are valid. */
  validPaths(paths: readonly string[]): Promise<ReadonlySet<string>>
  /** The valid paths that refer to this one. */
  referrers(path: string): Promise<readonly string[]>
  /** The derivations in the store that make this path, which may itself not be there. */
  derivers(path: string): Promise<readonly string[]>
  /** The outputs of a derivation that is in the store, by name; undefined where the path is not known yet. */
  outputs(derivation: string): Promise<ReadonlyMap<string, string | undefined>>
  /** Keeps a path from being collected as garbage until `close`. */
  addTempRoot(path: string): Promise<void>
  /** Adds signatures, `name:base64` each, to a valid path. */
  addSignatures(path: string, signatures: readonly string[]): Promise<void>
  /** Whether it can still be asked: the other side is there, and has kept to the protocol. */
  isOpen(): boolean
  close(): void
}

export interface StoreOptions {
  /** The daemon's Unix socket; the usual one unless told. */
  readonly socket?: string
  /** The directory of the nix-daemon to start where none listens; unless told, where root keeps programs. */
  readonly nixBin?: string
  /** Milliseconds for a connection and for each request; thirty seconds unless told. */
  readonly timeout?: number
}

const SOCKET = '/nix/var/nix/daemon-socket/socket'
const TIMEOUT = 30_000

/**
 * Opens the store. Throws StoreError if no daemon listens and this process may not or cannot start one, and whatever
 * the first exchange with it throws.
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
  // Async, so that an argument that is no store path rejects like everything else.
  const ask = async <T>(query: () => Query<T>): Promise<T> => {
    const { request, answer } = query()
    return connection.exchange(request, answer)
  }
  return {
    version: async () => version,
    pathInfo: path => ask(() => queryPathInfo(path)),
    validPaths: paths => ask(() => queryValidPaths(paths)),
    referrers: path => ask(() => queryReferrers(path)),
    derivers: path => ask(() => queryDerivers(path)),
    outputs: derivation => ask(() => queryOutputs(derivation)),
    addTempRoot: path => ask(() => addTempRoot(path)),
    addSignatures: (path, signatures) => ask(() => addSignatures(path, signatures)),
    isOpen: () => connection.isOpen(),
    close: () => connection.close(),
  }
}
