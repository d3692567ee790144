import { FileError, readRegularFile } from '../files/regular-file.ts'
import { narFileHead, narFileTail, narStart } from '../formats/nix/nar-tokens.ts'

/** Bytes of a file that is hashed at once: a few milliseconds. */
const LIMIT = 1024 * 1024

/**
 * Whether a path is a small regular file (a MiB at most) whose NAR has this SHA-256 (hex): for those who have to answer
 * at once and whom another stamp leaves in doubt. Of anything else it says no.
 */
export function isSmallFileOf(path: string, narHash: string): boolean {
  let isExecutable = false
  try {
    const contents = readRegularFile(path, LIMIT, ({ mode }) => {
      isExecutable = (mode & 0o100) !== 0
    })
    if (contents === undefined) return false
    // Not imported: a hook whose stamps are right starts without it.
    const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
    hash.update(narStart()).update(narFileHead(contents.byteLength, isExecutable))
    hash.update(contents).update(narFileTail(contents.byteLength))
    return hash.digest('hex') === narHash
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}
