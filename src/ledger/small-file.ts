import { FileError, readPresentFile } from '../files/regular-file.ts'
import { narFileHead, narFileTail, narStart } from '../formats/nix/nar-tokens.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

/** Bytes of a file that is hashed at once: a few milliseconds. */
const LIMIT = 1024 * 1024

/**
 * Whether a path is a small regular file (a MiB at most) whose NAR has this SHA-256 (hex): for those who have to answer
 * at once and whom another stamp leaves in doubt. Of anything else it says no.
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
    // By libsodium: to load node:crypto takes a hook longer than all else that it does.
    return toHex(sha256(nar)) === narHash
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}
