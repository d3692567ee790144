/** Whether what lies on the disk is what the store registered. */

import { stampOf } from '../ledger/stamp.ts'
import type { Refusal } from '../policy/verdict.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import { refusalOf } from '../verifier/refusal-of-error.ts'
import { alteredRefusal } from '../verifier/settle-contents.ts'
import type { DiskFindings } from './audit.ts'
import type { Member } from './member.ts'

/** Who is told how far it is. */
export interface HashingAsked {
  /** Called with the number of paths before they are read. */
  onBegin(paths: number): void
  onHashing(path: string): void
  onHashed(): void
}

/** What was found of one path. */
export type Differing = DiskFindings['differing'][number] & {
  /** Why it could not be read, where that is so. */
  readonly trouble?: unknown
}

/**
 * Hashes the contents of paths, one after another, and returns those that differ, by their places.
 * What cannot be read differs: a store has no pipes or sockets. What is not on the disk is not among
 * them, nor what went away meanwhile.
 */
export async function differingIn(
  members: readonly Member[],
  { onBegin, onHashing, onHashed }: HashingAsked,
): Promise<readonly Differing[]> {
  const differing: Differing[] = []
  const all = [...members.entries()].filter(
    ([, { info, stamp }]) => info !== undefined && stamp !== undefined,
  )
  onBegin(all.length)
  for (const [path, { path: text, info }] of all) {
    if (info === undefined) continue
    onHashing(text)
    const { narHash: registered } = info
    try {
      const { narHash: found } = await narHashOfTree(text)
      if (found !== registered) differing.push({ path, registered, found })
    } catch (trouble) {
      if (stampOf(text) !== undefined) differing.push({ path, registered, found: undefined, trouble })
    }
    onHashed()
  }
  return differing
}

/**
 * The same paths; refused are those whose contents differ, as `nixsig verify` refuses them, and those
 * that are registered and not on the disk.
 */
export function withDisk(members: readonly Member[], differing: readonly Differing[]): readonly Member[] {
  const byPlace = new Map(differing.map(one => [one.path, one]))
  return members.map((member, place) => {
    const isGone = isMissing(member) && member.standing.outcome === 'trusted'
    const refusal = isGone ? missingRefusal(member) : differingRefusal(member, byPlace.get(place))
    return refusal === undefined ? member : { ...member, standing: { outcome: 'refused', refusal } }
  })
}

/** Registered, and not on the disk. */
export function isMissing({ info, stamp }: Pick<Member, 'info' | 'stamp'>): boolean {
  return info !== undefined && stamp === undefined
}

function differingRefusal({ path, kind }: Member, differing: Differing | undefined): Refusal | undefined {
  if (differing === undefined) return undefined
  const { registered, found, trouble } = differing
  if (found === undefined) return refusalOf(trouble, path, kind)
  return alteredRefusal({ path: { path }, kind }, { registered, found })
}

function missingRefusal({ path, kind }: Member): Refusal {
  const trouble = { origin: 'the store', detail: GONE }
  const findings = [{ code: 'unreadable', trouble }] as const
  return { outcome: 'indeterminate', path, kind, ground: { kind: 'store' }, findings }
}

const GONE = 'it is registered and not on the disk; next: nix-store --repair-path, or delete it'
