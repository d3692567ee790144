/** Another policy, for as long as a row of the matrix needs it. */
import { POLICY } from '../../support/trust.ts'
import type { Cell, Entrance } from './entrance.ts'

/** While `use` runs, the policy has `after` where it had `before`. */
export async function underPolicy<T>(
  { world }: Cell,
  [before, after]: readonly [before: string, after: string],
  use: () => Promise<T>,
): Promise<T> {
  const policy = world.read(POLICY)
  if (!policy.includes(before)) throw new Error(`the policy has no ${before}`)
  world.write(POLICY, policy.replace(before, after))
  try {
    return await use()
  } finally {
    world.write(POLICY, policy)
  }
}

/** While `use` runs, sources need to be attested before they are valid. */
export function strictly<T>(cell: Cell, use: () => Promise<T>): Promise<T> {
  return underPolicy(cell, ['\n[default]', '\n[store]\nsources = "attested"\n[default]'], use)
}

/** What the strict mode makes of a row that brings a source: what has to be signed is signed before it comes. */
export function strict(row: Entrance): Entrance {
  return {
    ...row,
    entrance: `${row.entrance}, \`sources = "attested"\``,
    untrusted: 'refused',
    by: 'plugin',
    reason: /needs packager for its source, found no signature/,
    note: '',
    attempt: cell => strictly(cell, () => row.attempt(cell)),
  }
}
