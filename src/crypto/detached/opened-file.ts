import {
  type BigIntStats,
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readSync,
} from 'node:fs'
import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { blake2bInPieces, type StreamedHash } from '../../primitives/sodium.ts'

/**
 * A regular file that is kept open, so that every reader sees the same file even if its path comes
 * to lead elsewhere.
 */
export interface OpenedFile {
  readonly path: string
  readonly fd: number
  readonly size: number
}

/**
 * Opens a regular file, following symbolic links, while `use` runs. Throws FileError if it is not a
 * regular file or cannot be opened, and if it was written to meanwhile, because then it is unknown
 * which bytes were judged.
 */
export async function withOpenedFile<T>(path: string, use: (file: OpenedFile) => Promise<T>): Promise<T> {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw new FileError(`cannot read ${printable(path)}: ${printable((error as Error).message)}`)
  }
  try {
    const before = fstatSync(fd, { bigint: true })
    if (!before.isFile()) throw new FileError(`${printable(path)} is not a regular file`)
    const result = await use({ path, fd, size: Number(before.size) })
    if (!isUnchanged(before, fstatSync(fd, { bigint: true }))) {
      throw new FileError(`${printable(path)} changed while it was verified`)
    }
    return result
  } finally {
    closeSync(fd)
  }
}

/** The bytes of an opened file from its beginning, in pieces. May be called repeatedly. */
export function contentsOf(file: OpenedFile): AsyncIterable<Uint8Array> {
  return createReadStream('', { fd: file.fd, autoClose: false, start: 0, highWaterMark: 1024 * 1024 })
}

/** The first bytes of an opened file, fewer if it is shorter. */
export function headOf({ fd }: OpenedFile, length: number): Uint8Array {
  const head = new Uint8Array(length)
  return head.subarray(0, readSync(fd, head, 0, length, 0))
}

/** All bytes of an opened file; undefined if there are more than `limit`. */
export async function contentsWithin(file: OpenedFile, limit: number): Promise<Uint8Array | undefined> {
  if (file.size > limit) return undefined
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of contentsOf(file)) {
    size += piece.length
    if (size > limit) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** Hash algorithms by their names in checksum lists. */
export type FileHash = keyof typeof NODE_NAMES | 'blake2b-256' | 'blake2b-384'

const NODE_NAMES = {
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  'sha3-256': 'sha3-256',
  'sha3-384': 'sha3-384',
  'sha3-512': 'sha3-512',
  'blake2b-512': 'blake2b512',
} as const

/** The raw hash of an opened file. Loads node:crypto, which hashes in pieces, only here. */
export async function digestOf(file: OpenedFile, algorithm: FileHash): Promise<Uint8Array> {
  const hash = await startHash(algorithm)
  for await (const piece of contentsOf(file)) hash.update(piece)
  return hash.digest()
}

/** Starts a hash. OpenSSL only has BLAKE2b with 512 bits. */
async function startHash(algorithm: FileHash): Promise<StreamedHash> {
  if (algorithm === 'blake2b-256') return blake2bInPieces(32)
  if (algorithm === 'blake2b-384') return blake2bInPieces(48)
  const { createHash } = await import('node:crypto')
  return createHash(NODE_NAMES[algorithm])
}

/**
 * Does not compare ctime: a hard link to the file, as `nix-store --optimise` makes them, changes it
 * without changing a byte.
 */
function isUnchanged(before: BigIntStats, after: BigIntStats): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs
}
