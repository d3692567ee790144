/** Another store than this machine's own, asked through a nix-daemon of this machine. */
import { findProgram } from '../files/programs.ts'
import { openConnection } from './connection.ts'
import { GREETING, INTRODUCTION, readGreeting, readWelcome } from './handshake.ts'
import { type OtherStore, spawnOtherDaemon } from './other-daemon.ts'
import { dumpedNar } from './other-nar.ts'
import { narFromPath, type PathInfo, type Query, queryPathFromHashPart, queryPathInfo } from './queries.ts'
import { StoreError } from './store-error.ts'

/** Functions throw as those of Store do. Nothing that it says is verified. */
export interface OtherStoreClient {
  /** The valid path with this hash part (32 characters). */
  pathOf(digest: string): Promise<string | undefined>
  /** What is registered about a path; undefined if it is not valid. */
  pathInfo(path: string): Promise<PathInfo | undefined>
  /** The first `size` bytes of a path's NAR. */
  nar(path: string, size: number): AsyncGenerator<Uint8Array, void, undefined>
  isOpen(): boolean
  close(): void
}

/**
 * Opens a store; `timeout` is in milliseconds, for each request and each next part of a NAR. Throws
 * StoreError and FormatError.
 */
export async function openOtherStore(store: OtherStore, timeout: number): Promise<OtherStoreClient> {
  const program = findProgram('nix-daemon')
  if (program === undefined) throw new StoreError('there is no nix-daemon program to ask it through')
  const connection = openConnection(spawnOtherDaemon(program, store), timeout)
  const ask = async <T>(query: () => Query<T>): Promise<T> => {
    const { request, answer } = query()
    return connection.exchange(request, answer)
  }
  let version: string
  try {
    const minor = await connection.exchange(GREETING, readGreeting())
    version = await connection.exchange(INTRODUCTION, readWelcome(minor))
  } catch (error) {
    connection.close()
    throw error
  }
  return {
    pathOf: digest => ask(() => queryPathFromHashPart(digest)),
    pathInfo: path => ask(() => queryPathInfo(path)),
    async *nar(path, size) {
      const { request, answer } = narFromPath(path)
      if (passesOnNars(version, store)) yield* connection.stream(request, answer, size)
      else yield* dumpedNar(store, { path, size, timeout })
    },
    isOpen: () => connection.isOpen(),
    close: () => connection.close(),
  }
}

/**
 * Whether a nix-daemon of this machine gives the other store's NARs. Between the versions that were
 * seen to do so are some that give the file of that name on this machine in their place; so does
 * 2.8 for `ssh://`.
 */
function passesOnNars(version: string, { remote }: OtherStore): boolean {
  if (!remote.startsWith('ssh')) return true
  const [, minor] = /^2\.(\d{1,3})\./.exec(version) ?? []
  return Number(minor) >= 34 || (Number(minor) === 8 && remote.startsWith('ssh-ng:'))
}
