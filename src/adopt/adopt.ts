/** Adopts whole closures: from what was there before to what the policy vouches for. */
import type { Upstream } from '../evidence/upstreams/upstream.ts'
import { openStore } from '../store/store-client.ts'
import type { Places } from '../verifier/places.ts'
import { adoptPath } from './adopt-path.ts'
import type { Attempts } from './attempts.ts'
import { closureLeafFirst } from './closure.ts'
import { type Decided, openRun } from './run.ts'

export interface Adopting {
  readonly places: Places
  readonly dry: boolean
  /** Milliseconds for each build. */
  readonly timeout: number
  readonly upstreams: readonly Upstream[]
  readonly attempts: Attempts
  /** Called once, before any path is decided, with the size of the closure. */
  onBegin(paths: number): void
  onDecided(decided: Decided): void
  onWork(text: string, seconds: number | undefined): void
  onWarning(text: string): void
}

export interface Adopted {
  /** Everything that was decided, in that order: what belongs to the closure and what it needed. */
  readonly decided: readonly Decided[]
  /** Bytes of all paths of the closure. */
  readonly bytes: number
}

/**
 * Adopts the closures of these store paths, leaf first. What was decided is recorded at once, so a
 * run that is killed loses nothing but the build under way. Throws PackagingError if a path is not
 * valid or there are too many.
 */
export async function adopt(roots: readonly string[], adopting: Adopting): Promise<Adopted> {
  const keeper = await openStore()
  try {
    for (const root of roots) await keeper.addTempRoot(root)
    const closure = await closureLeafFirst(keeper, roots)
    adopting.onBegin(closure.length)
    const decided: Decided[] = []
    const options = {
      ...adopting,
      members: new Set(closure.map(({ path }) => path)),
      onDecided(one: Decided) {
        decided.push(one)
        adopting.onDecided(one)
      },
    }
    const run = openRun(options, keeper)
    try {
      for (const { path } of closure) await adoptPath(run, path)
    } finally {
      run.close()
    }
    return { decided, bytes: closure.reduce((sum, { narSize }) => sum + narSize, 0) }
  } finally {
    keeper.close()
  }
}
