import { lstatSync, readdirSync, rmSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { toNix32 } from '../formats/nix/nix32.ts'
import { fromHex } from '../primitives/hex.ts'
import { narHashOfTree } from './disk-tree-nar.ts'
import type { Renewed } from './renewed.ts'

/**
 * The name in `.links` that an optimised store has, or will have, for a file's contents, and the
 * file's status before it was copied.
 */
export interface OptimisedLink {
  readonly link: string
  readonly status: Stats
}

/**
 * Finds the `.links` names of files that are about to be replaced by their copies. Nix keeps a hard
 * link to each file of an optimised store in `.links`, named by the hash of its contents, and gives
 * later files with the same contents that inode.
 */
export async function linksOf(
  storeDirectory: string,
  files: readonly Renewed[],
): Promise<readonly OptimisedLink[]> {
  const directory = join(storeDirectory, '.links')
  const found: OptimisedLink[] = []
  if (!isOptimised(directory) && files.every(({ status }) => status.nlink < 2)) return found
  for (const { copy, status } of files) {
    const { narHash } = await narHashOfTree(copy)
    found.push({ link: join(directory, toNix32(fromHex(narHash))), status })
  }
  return found
}

/**
 * Removes the links that still lead to the old inodes: before the copies replace them, and once
 * more afterwards.
 */
export function forgetLinks(links: readonly OptimisedLink[]): void {
  for (const { link, status } of links) {
    const linked = lstatSync(link, { throwIfNoEntry: false })
    if (linked?.ino === status.ino && linked.dev === status.dev) rmSync(link, { force: true })
  }
}

function isOptimised(directory: string): boolean {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return false
  return readdirSync(directory).length > 0
}
