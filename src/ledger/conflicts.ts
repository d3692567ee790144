/**
 * Records where binary caches disagreed about a store path: one file for each path under
 * `conflicts/`, named like ledger entries. For people only. Nothing is decided by it, because the
 * caches are asked again.
 *
 *     nixsig1 /nix/store/<digest>-<name>
 *     time <seconds since 1970>
 *     side sha256:<NAR hash, hex> <NAR size> <store path> <who>     two or more
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import type { Side } from '../policy/verdict.ts'
import { printable } from '../primitives/printable.ts'

const RECORD_LIMIT = 256 * 1024
const WHO_LIMIT = 2048

/** A disagreement of binary caches, or of caches with this machine's store, about one path. */
export interface Conflict {
  readonly path: string
  /** When it was first seen, in seconds since 1970. */
  readonly time: number
  readonly sides: readonly Side[]
}

/**
 * Records a conflict. Recording the same conflict again changes nothing. `digest` is the
 * 32-character hash part of the path.
 */
export function recordConflict(state: string, digest: string, conflict: Conflict): void {
  const sides = sideLines(conflict)
  if (sideLines(readConflict(state, digest)) === sides) return
  const text = `nixsig1 ${conflict.path}\ntime ${conflict.time}\n${sides}`
  writeDurably(conflictFile(state, digest), text, { flush: true })
}

/**
 * Reads the conflict that was seen last about a path; undefined if there was none. Throws
 * FileError.
 */
export function readConflict(state: string, digest: string): Conflict | undefined {
  const file = conflictFile(state, digest)
  const text = readOwnedFile(file, RECORD_LIMIT)?.toString('utf8')
  if (text === undefined) return undefined
  const [, path, time, lines] = /^nixsig1 (\/\S+)\ntime (\d{1,15})\n((?:side .+\n)+)$/.exec(text) ?? []
  const sides = lines?.split('\n').slice(0, -1).map(readSide) ?? []
  const known = sides.filter(side => side !== undefined)
  if (path === undefined || known.length < sides.length) {
    throw new FileError(`${printable(file)} is no record of a conflict`)
  }
  return { path, time: Number(time), sides: known }
}

function conflictFile(state: string, digest: string): string {
  return join(state, 'conflicts', digest.slice(0, 2), digest)
}

function sideLines(conflict: Conflict | undefined): string {
  const lines = conflict?.sides.map(
    ({ who, path, narHash, narSize }) =>
      `side sha256:${narHash} ${narSize} ${path} ${printable(who, WHO_LIMIT)}\n`,
  )
  return lines?.join('') ?? ''
}

function readSide(line: string): Side | undefined {
  const [, narHash, narSize, path, who] =
    /^side sha256:([0-9a-f]{64}) (\d{1,16}) (\/\S+) (.+)$/.exec(line) ?? []
  if (narHash === undefined || path === undefined || who === undefined) return undefined
  return { who, path, narHash, narSize: Number(narSize) }
}
