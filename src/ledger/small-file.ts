import { FileError, readPresentFile } from '../files/regular-file.ts'
import { narFileHead, narFileTail, narStart } from '../formats/nix/nar-tokens.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

/** The most bytes of a file that is hashed at once; takes a few milliseconds. */
const LIMIT = 1024 * 1024

/**
 * Whether a path is a small regular file (1 MiB at most) whose NAR has this SHA-256 (hex). For
 * callers that have to answer at once and for whom a changed stamp leaves the contents in doubt.
 * False for anything else.
 */
export function isSmallFileOf(path: string, narHash: string): boolean {
  let isExecutable = false
  try {
    const contents = readPresentFile(path, LIMIT, ({ mode }) => {
      isExecutable = (mode & 0o100) !== 0
    })
    if (contents === undefined) return false
    const size = contents.byteLength
    const nar = Buffer.concat([narStart(), narFileHead(size, isExecutable), contents, narFileTail(size)])
    // Uses libsodium: loading node:crypto takes a hook longer than everything else that it does.
    return toHex(sha256(nar)) === narHash
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}
