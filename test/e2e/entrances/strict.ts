/** The strict mode of the store, for as long as a row of the matrix needs it. */
import { POLICY } from '../../support/trust.ts'
import type { Cell } from './entrance.ts'

/** While `use` runs, sources need to be attested before they are valid. */
export async function strictly<T>({ world }: Cell, use: () => Promise<T>): Promise<T> {
  const policy = world.read(POLICY)
  world.write(POLICY, policy.replace('\n[default]', '\n[store]\nsources = "attested"\n[default]'))
  try {
    return await use()
  } finally {
    world.write(POLICY, policy)
  }
}
