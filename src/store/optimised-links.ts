import { lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { toNix32 } from '../formats/nix/nix32.ts'
import { fromHex } from '../primitives/hex.ts'
import type { Renewed } from './fresh-inodes.ts'
import { narHashOfTree } from './tree-nar.ts'

/**
 * Nix keeps a link to each file of an optimised store in `.links`, under the hash of its contents, and gives whatever
 * comes with the same contents that very inode. Takes away those of files that are about to be replaced, or what comes
 * later would get the inode that they had. Called before the copies take the files' places.
 */
export async function forgetLinks(storeDirectory: string, files: readonly Renewed[]): Promise<void> {
  for (const { copy, status } of files) {
    if (status.nlink < 2) continue
    const { narHash } = await narHashOfTree(copy)
    const link = join(storeDirectory, '.links', toNix32(fromHex(narHash)))
    const linked = lstatSync(link, { throwIfNoEntry: false })
    if (linked?.ino === status.ino && linked.dev === status.dev) rmSync(link, { force: true })
  }
}
