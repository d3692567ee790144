/**
 * The NAR of a tree on disk (Nix manual, "Nix Archive (NAR) format"), as a stream in bounded
 * memory. Loads node:crypto: a hook imports this module with `await import()`.
 */
import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { FileError } from '../files/regular-file.ts'
import { NAR_DEPTH_LIMIT } from '../formats/nix/nar.ts'
import {
  narClose,
  narDirectoryHead,
  narEntryHead,
  narFileHead,
  narFileTail,
  narStart,
  narSymlink,
} from '../formats/nix/nar-tokens.ts'
import { isExecutable, otherKind, reading, shown, within } from './raw-paths.ts'

/** Bytes of a file that are read at once. */
const CHUNK = 256 * 1024

/**
 * Bytes after which other work may run. The calls below block, which is several times as fast for
 * small files.
 */
const TURN = 4 * 1024 * 1024

/** The fixed cost of one piece, as the bytes that could be read in that time. */
const COST_OF_PIECE = 4096

export interface NarSummary {
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  /** Bytes of the NAR. */
  readonly narSize: number
}

/**
 * Maps a regular file of a tree to the file that has its contents, both paths as bytes in latin1.
 * Undefined: the file is new.
 */
export type ContentsOf = (file: string) => string | undefined

/**
 * Hash and size of the NAR of a path: a file, a directory, or a symbolic link itself. With
 * `contentsOf`, the contents of regular files and whether they are executable are read from the
 * files that it names. Throws FileError if something cannot be read, changes meanwhile, or is a
 * socket, a pipe or a device.
 */
export async function narHashOfTree(path: string, contentsOf?: ContentsOf): Promise<NarSummary> {
  const hash = createHash('sha256')
  let narSize = 0
  for await (const chunk of dumpTree(path, contentsOf)) {
    hash.update(chunk)
    narSize += chunk.byteLength
  }
  return { narHash: hash.digest('hex'), narSize }
}

/**
 * The NAR itself, in chunks of at most 256 KiB, each a separate buffer. Throws as `narHashOfTree`
 * does.
 */
export async function* dumpTree(
  path: string,
  contentsOf?: ContentsOf,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sinceTurn = 0
  for (const chunk of chunksOf(Buffer.from(path, 'utf8'), contentsOf)) {
    yield chunk
    sinceTurn += chunk.byteLength + COST_OF_PIECE
    if (sinceTurn < TURN) continue
    sinceTurn = 0
    await setImmediate()
  }
}

function* chunksOf(path: Buffer, contentsOf?: ContentsOf): Generator<Uint8Array, void, undefined> {
  yield narStart()
  yield* nodeChunks(path, 0, contentsOf)
}

function* nodeChunks(
  path: Buffer,
  depth: number,
  contentsOf: ContentsOf | undefined,
): Generator<Uint8Array, void, undefined> {
  const status = reading(path, () => lstatSync(path, { bigint: true }))
  if (status.isFile()) {
    yield* contentChunks(path, status, contentsOf)
  } else if (status.isDirectory()) {
    if (depth >= NAR_DEPTH_LIMIT) throw new FileError(`${shown(path)} is nested too deep`)
    yield narDirectoryHead()
    // Names are bytes in no particular encoding; sorted as latin1 they are in the order of their
    // bytes.
    for (const name of reading(path, () => readdirSync(path, 'latin1')).sort()) {
      yield narEntryHead(name)
      yield* nodeChunks(within(path, name), depth + 1, contentsOf)
      yield narClose()
    }
    yield narClose()
  } else if (status.isSymbolicLink()) {
    yield narSymlink(reading(path, () => readlinkSync(path, 'latin1')))
  } else {
    throw otherKind(path)
  }
}

function* contentChunks(
  path: Buffer,
  status: BigIntStats,
  contentsOf: ContentsOf | undefined,
): Generator<Uint8Array, void, undefined> {
  if (contentsOf === undefined) return yield* fileChunks(path, status)
  const copy = contentsOf(path.toString('latin1'))
  if (copy === undefined) throw changed(path)
  const other = Buffer.from(copy, 'latin1')
  yield* fileChunks(
    other,
    reading(other, () => lstatSync(other, { bigint: true })),
  )
}

function* fileChunks(path: Buffer, expected: BigIntStats): Generator<Uint8Array, void, undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const fd = reading(path, () => openSync(path, flags))
  try {
    const status = fstatSync(fd, { bigint: true })
    // The file may have been replaced by a link or a pipe since it was inspected.
    if (status.ino !== expected.ino || status.dev !== expected.dev) throw changed(path)
    const size = Number(status.size)
    yield narFileHead(size, isExecutable(status))
    let rest = size
    while (rest > 0) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, rest))
      const count = reading(path, () => readSync(fd, chunk))
      if (count === 0) throw changed(path)
      rest -= count
      yield chunk.subarray(0, count)
    }
    if (reading(path, () => readSync(fd, new Uint8Array(1))) !== 0) throw changed(path)
    yield narFileTail(size)
  } finally {
    closeSync(fd)
  }
}

function changed(path: Buffer): FileError {
  return new FileError(`${shown(path)} changed while it was read`)
}
