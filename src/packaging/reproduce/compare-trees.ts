/** Which files of two trees differ, as Nix sees them: contents, kind, whether executable, link target. */
import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { FileError } from '../../files/regular-file.ts'
import { NAR_DEPTH_LIMIT } from '../../formats/nix/nar.ts'
import { isExecutable, otherKind, reading, shown, within } from '../../store/raw-paths.ts'

/** Bytes of each file that are read at once. */
const CHUNK = 256 * 1024

/** A file that differs. */
export interface Difference {
  /** From the root of the tree, as bytes in latin1; empty for the root itself. */
  readonly name: string
  readonly what: 'kind' | 'contents' | 'executable' | 'target' | 'only-first' | 'only-second'
}

/**
 * The differences between two trees, in the order of their names, each found when it is asked for.
 * Throws FileError for what cannot be read or is nested too deep.
 */
export async function* differencesOf(
  first: string,
  second: string,
): AsyncGenerator<Difference, void, undefined> {
  yield* compare({ first: Buffer.from(first), second: Buffer.from(second), name: '', depth: 0 })
}

interface Pair {
  readonly first: Buffer
  readonly second: Buffer
  readonly name: string
  readonly depth: number
}

async function* compare(pair: Pair): AsyncGenerator<Difference, void, undefined> {
  await setImmediate()
  const { first, second, name, depth } = pair
  const [one, other] = [statusOf(first), statusOf(second)]
  const kind = kindOf(one)
  if (kind !== kindOf(other)) yield { name, what: 'kind' }
  else if (kind === 'directory') {
    if (depth >= NAR_DEPTH_LIMIT) throw new FileError(`${shown(first)} is nested too deep`)
    yield* compareDirectories(pair)
  } else if (kind === 'link') {
    if (!targetOf(first).equals(targetOf(second))) yield { name, what: 'target' }
  } else if (kind === 'file') {
    if (isExecutable(one) !== isExecutable(other)) yield { name, what: 'executable' }
    if (one.size !== other.size || !(await haveSameBytes(first, second))) yield { name, what: 'contents' }
  } else throw otherKind(first)
}

async function* compareDirectories({
  first,
  second,
  name,
  depth,
}: Pair): AsyncGenerator<Difference, void, undefined> {
  const [ones, others] = [new Set(namesIn(first)), new Set(namesIn(second))]
  for (const entry of [...new Set([...ones, ...others])].sort()) {
    const path = name === '' ? entry : `${name}/${entry}`
    if (!others.has(entry)) yield { name: path, what: 'only-first' }
    else if (!ones.has(entry)) yield { name: path, what: 'only-second' }
    else
      yield* compare({
        first: within(first, entry),
        second: within(second, entry),
        name: path,
        depth: depth + 1,
      })
  }
}

async function haveSameBytes(first: Buffer, second: Buffer): Promise<boolean> {
  const opened: number[] = []
  const [one, other] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)]
  try {
    for (const path of [first, second]) opened.push(openForReading(path))
    const [a = -1, b = -1] = opened
    for (;;) {
      const [count, otherCount] = [readFully(a, one, first), readFully(b, other, second)]
      if (!one.subarray(0, count).equals(other.subarray(0, otherCount))) return false
      if (count < CHUNK) return true
      await setImmediate()
    }
  } finally {
    opened.forEach(closeSync)
  }
}

/** Fills the buffer unless the file ends before; returns the number of bytes. */
function readFully(fd: number, into: Buffer, path: Buffer): number {
  let count = 0
  while (count < into.length) {
    const more = reading(path, () => readSync(fd, into, count, into.length - count, null))
    if (more === 0) break
    count += more
  }
  return count
}

function openForReading(path: Buffer): number {
  return reading(path, () => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK))
}

function statusOf(path: Buffer): BigIntStats {
  return reading(path, () => lstatSync(path, { bigint: true }))
}

function targetOf(path: Buffer): Buffer {
  return reading(path, () => readlinkSync(path, 'buffer'))
}

function namesIn(path: Buffer): readonly string[] {
  return reading(path, () => readdirSync(path, 'latin1'))
}

function kindOf(status: BigIntStats): 'directory' | 'link' | 'file' | 'other' {
  if (status.isDirectory()) return 'directory'
  if (status.isSymbolicLink()) return 'link'
  return status.isFile() ? 'file' : 'other'
}
