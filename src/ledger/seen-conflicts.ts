/**
 * Claims by listed builders that conflicted with what was judged: one file for each path under
 * `contradictions/`, named like ledger entries, kept until root withdraws it. A server can take
 * back what it showed, but this machine has seen it.
 *
 *     nixsig1 /nix/store/<digest>-<name>
 *     builder <key, percent-encoded> sha256:<NAR hash, hex> <time> <origin>     one or more
 *
 * `time` is in seconds since 1970.
 */

import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isPartial, syncDirectory, writeDurably } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { Instant, KeyIdentity } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'

const RECORD_LIMIT = 1024 * 1024
const ORIGIN_LIMIT = 1024
/** Two claims with different hashes are enough: any contents differ from at least one of them. */
const PER_KEY = 2

/** A builder's claim that a path has these contents; its signature was verified. */
export interface SeenClaim {
  readonly key: KeyIdentity
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly seen: Instant
  /** Where the claim was read, escaped. */
  readonly origin: string
}

/**
 * Returns the recorded claims about a store path. Throws FileError if they cannot be read, and
 * FormatError if `path` is not a store path.
 */
export function readSeenClaims(state: string, path: string): readonly SeenClaim[] {
  const file = recordFile(state, path)
  const text = readOwnedFile(file, RECORD_LIMIT)?.toString('utf8')
  if (text === undefined) return []
  const [head, ...lines] = text.split('\n')
  const claims = lines.slice(0, -1).map(readLine)
  const read = claims.filter(claim => claim !== undefined)
  if (head === `nixsig1 ${path}` && lines.at(-1) === '' && read.length === claims.length) return read
  throw new FileError(`${printable(file)} is no record of conflicts: nixsig conflicts withdraw ${path}`)
}

/**
 * Adds the new ones of these claims about a path to its record, flushed to disk when this returns.
 */
export function keepSeenClaims(state: string, path: string, claims: readonly SeenClaim[]): void {
  const kept = [...readSeenClaims(state, path)]
  const before = kept.length
  for (const claim of claims) {
    const same = kept.filter(({ key }) => key === claim.key)
    if (same.length < PER_KEY && !same.some(({ narHash }) => narHash === claim.narHash)) kept.push(claim)
  }
  if (kept.length === before) return
  const file = recordFile(state, path)
  // Readable by everybody, whatever the umask: a plain user's own question must not fail for lack
  // of permission.
  for (const directory of [dirname(dirname(file)), dirname(file)]) {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    chmodSync(directory, 0o755)
  }
  const text = `nixsig1 ${path}\n${kept.map(printLine).join('')}`
  writeDurably(file, text, { flush: true, mode: 0o644 })
  chmodSync(file, 0o644)
}

/** Removes the record about a path. Returns whether there was one. */
export function withdrawSeenClaims(state: string, path: string): boolean {
  const file = recordFile(state, path)
  try {
    rmSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new FileError(`cannot remove ${printable(file)}: ${printable((error as Error).message)}`)
  }
  syncDirectory(dirname(file))
  return true
}

/** Returns all store paths that have a record. */
export function seenConflictPaths(state: string): readonly string[] {
  const files = entriesIn(join(state, DIRECTORY)).flatMap(part =>
    entriesIn(join(state, DIRECTORY, part)).map(name => join(state, DIRECTORY, part, name)),
  )
  return files.flatMap(file => {
    const text = readOwnedFile(file, RECORD_LIMIT)?.toString('utf8') ?? ''
    const [, path] = /^nixsig1 (\/nix\/store\/[0-9a-z]{32}-[0-9a-zA-Z+._?=-]+)\n/.exec(text) ?? []
    return path === undefined ? [] : [path]
  })
}

const DIRECTORY = 'contradictions'

function recordFile(state: string, path: string): string {
  const { digest } = parseStorePath(path)
  return join(state, DIRECTORY, digest.slice(0, 2), digest)
}

function printLine({ key, narHash, seen, origin }: SeenClaim): string {
  return `builder ${encodeURIComponent(key)} sha256:${narHash} ${seen} ${printable(origin, ORIGIN_LIMIT)}\n`
}

function readLine(line: string): SeenClaim | undefined {
  const [, key, narHash, seen, origin] =
    /^builder ([^\s]+) sha256:([0-9a-f]{64}) (\d{1,15}) (.+)$/.exec(line) ?? []
  if (key === undefined || narHash === undefined || origin === undefined) return undefined
  try {
    return { key: decodeURIComponent(key) as KeyIdentity, narHash, seen: Number(seen), origin }
  } catch {
    return undefined
  }
}

function entriesIn(directory: string): readonly string[] {
  return namesIn(directory)
    .filter(name => !isPartial(name))
    .sort()
}
