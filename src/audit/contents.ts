/** Whether what lies on the disk is what the store registered. */
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import type { DiskFindings } from './audit.ts'
import type { Member } from './member.ts'

/** Who is told how far it is. */
export interface HashingAsked {
  /** Called with the number of paths before they are read. */
  onBegin(paths: number): void
  onHashing(path: string): void
  onHashed(): void
}

/**
 * Hashes the contents of paths, one after another, and returns those that differ, by their places.
 * What is not on the disk is not among them, nor what could not be read before it went away.
 */
export async function differingIn(
  members: readonly Member[],
  { onBegin, onHashing, onHashed }: HashingAsked,
): Promise<DiskFindings['differing']> {
  const differing: DiskFindings['differing'][number][] = []
  const all = [...members.entries()].filter(
    ([, { info, stamp }]) => info !== undefined && stamp !== undefined,
  )
  onBegin(all.length)
  for (const [path, { path: text, info }] of all) {
    onHashing(text)
    const found = await hashOf(text)
    onHashed()
    if (info !== undefined && found !== undefined && found !== info.narHash)
      differing.push({ path, registered: info.narHash, found })
  }
  return differing
}

async function hashOf(path: string): Promise<string | undefined> {
  try {
    return (await narHashOfTree(path)).narHash
  } catch {
    return undefined
  }
}
