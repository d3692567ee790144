/** Whether what lies on the disk is what the store registered. */
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import type { DiskFindings } from './audit.ts'
import type { Member } from './member.ts'

/**
 * Hashes the contents of paths, one after another, and returns those that differ, by their places.
 * What is not on the disk is not among them, nor what could not be read before it went away.
 */
export async function differingIn(
  members: readonly Member[],
  { onHashing }: { onHashing(path: string): void },
): Promise<DiskFindings['differing']> {
  const differing: DiskFindings['differing'][number][] = []
  for (const [path, { path: text, info, stamp }] of members.entries()) {
    if (info === undefined || stamp === undefined) continue
    onHashing(text)
    const found = await hashOf(text)
    if (found !== undefined && found !== info.narHash)
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
