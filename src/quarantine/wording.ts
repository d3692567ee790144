import type { TakenOut } from './take-all-out.ts'

/** The most paths that are listed one by one of those that could not be kept. */
const LOST_TOLD = 8

/** Describes the paths that left the store, one per line. */
export function takenOutLines({ kept, lost, deleted }: TakenOut): readonly string[] {
  const told = lost.slice(0, LOST_TOLD)
  const more = lost.length - told.length
  return [
    ...kept.map(id => `kept for inspection, by root: nixsig quarantine show ${id}`),
    ...told.map(({ path, why }) => `deleted, because it could not be kept in quarantine: ${path}: ${why}`),
    ...(more > 0 ? [`deleted, because they could not be kept in quarantine: ${more} more`] : []),
    ...(deleted > 0 ? [`deleted, because they referred to what was refused: ${deleted} more paths`] : []),
  ]
}
