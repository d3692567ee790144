/**
 * The hash of what lies at a path, in the ways in which derivations declare it, together with its
 * NAR hash. Loads node:crypto: import it with `await import()`.
 */
import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { FileError } from '../files/regular-file.ts'
import type { HashedBy } from '../formats/nix/content-address.ts'
import { narFileHead, narStart } from '../formats/nix/nar-tokens.ts'
import { printable } from '../primitives/printable.ts'
import { dumpTree } from './disk-tree-nar.ts'

/** Two hashes of the same bytes, read once; lower-case hex. */
export interface TreeHash {
  /** SHA-256 of the NAR. */
  readonly narHash: string
  /**
   * The hash by the method and algorithm that were asked for. Undefined if it has none: a flat hash
   * is one of a plain file that is not executable, and nixsig does not compute git's and BLAKE3.
   */
  readonly hash: string | undefined
}

/** Throws FileError if something cannot be read or changes meanwhile. */
export async function hashOfTree(path: string, { method, algorithm }: HashedBy): Promise<TreeHash> {
  const nar = createHash('sha256')
  const hash = method === 'git' || algorithm === 'blake3' ? undefined : createHash(algorithm)
  const file = method === 'recursive' ? undefined : plainFile(path)
  let isRight = method === 'recursive' || file !== undefined
  let at = 0
  for await (const chunk of dumpTree(path)) {
    nar.update(chunk)
    if (file === undefined) hash?.update(chunk)
    else {
      const { head, size } = file
      const from = Math.min(Math.max(head.length - at, 0), chunk.length)
      isRight &&= Buffer.compare(chunk.subarray(0, from), head.subarray(at, at + from)) === 0
      hash?.update(chunk.subarray(from, Math.max(from, head.length + size - at)))
    }
    at += chunk.length
  }
  return { narHash: nar.digest('hex'), hash: isRight ? hash?.digest('hex') : undefined }
}

/** What a NAR begins with that has a plain file, and the size of the contents that follow. */
function plainFile(path: string): { readonly head: Uint8Array; readonly size: number } | undefined {
  const status = lstatSync(path, { throwIfNoEntry: false })
  if (status === undefined) throw new FileError(`${printable(path)} is not there`)
  if (!status.isFile()) return undefined
  return { head: Buffer.concat([narStart(), narFileHead(status.size, false)]), size: status.size }
}
