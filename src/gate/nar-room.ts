/**
 * How much of the disk NARs may take that wait to be checked. Nobody waits for room: a NAR that
 * does not fit is sent unchecked.
 */
import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../files/names-in.ts'
import { assertOwnedDirectory } from '../files/owned-file.ts'
import type { Peer, PeerKind } from './peers.ts'

/** The most bytes of one NAR that are kept until it is checked. */
export const SPOOL_LIMIT = 4 * 1024 ** 3

/** Limits on what all NARs take together. */
export interface RoomLimits {
  readonly bytes: number
  readonly files: number
  /** The share of both that one peer of a kind may have. */
  readonly share: Readonly<Record<PeerKind, number>>
  /** Bytes of the disk that stay free. */
  readonly free: number
}

export const ROOM_LIMITS: RoomLimits = {
  bytes: 16 * 1024 ** 3,
  files: 128,
  share: { root: 1, client: 1 / 4, user: 1 / 8, machine: 1 / 4 },
  free: 1024 ** 3,
}

/** Room for one file, until it is given back. */
export interface Reserved {
  /** Where the file may be. */
  readonly directory: string
  readonly bytes: number
  /** Gives the room back; again does nothing. */
  release(): void
}

export interface Room {
  /** Room for a file of at most so many bytes; undefined if less is left. */
  take(peer: Peer, bytes: number): Reserved | undefined
}

interface Taken {
  bytes: number
  files: number
}

const NAME = /^[0-9a-f]{32}$/

/**
 * Room in a directory, which is created when it is needed. What a killed gate left there is removed:
 * only one process uses it. `onProblem` is called with what is wrong with the directory, each time.
 */
export function openRoom(
  directory: string,
  onProblem: (problem: Error) => void,
  limits: RoomLimits = ROOM_LIMITS,
): Room {
  const all: Taken = { bytes: 0, files: 0 }
  const byPeer = new Map<string, Taken>()
  let isReady = false

  function isThere(): boolean {
    try {
      if (!isReady) prepare(directory)
      isReady = true
      return true
    } catch (error) {
      onProblem(error as Error)
      return false
    }
  }

  return {
    take({ name, kind }, bytes) {
      const own = byPeer.get(name) ?? { bytes: 0, files: 0 }
      const share = limits.share[kind]
      if (all.files + 1 > limits.files || own.files + 1 > limits.files * share) return undefined
      if (all.bytes + bytes > limits.bytes || own.bytes + bytes > limits.bytes * share) return undefined
      // What others have reserved counts as if none of it were written yet.
      if (!isThere() || all.bytes + bytes + limits.free > freeBytes(directory)) return undefined
      byPeer.set(name, own)
      add(all, bytes, 1)
      add(own, bytes, 1)
      let isReleased = false
      return {
        directory,
        bytes,
        release() {
          if (isReleased) return
          isReleased = true
          add(all, -bytes, -1)
          add(own, -bytes, -1)
          if (own.files === 0 && byPeer.get(name) === own) byPeer.delete(name)
        },
      }
    },
  }
}

function add(taken: Taken, bytes: number, files: number): void {
  taken.bytes += bytes
  taken.files += files
}

function prepare(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  assertOwnedDirectory(directory)
  for (const name of namesIn(directory)) if (NAME.test(name)) rmSync(join(directory, name), { force: true })
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}
