import { createHash } from 'node:crypto'
import { type Estimate, estimate } from '../adopt/estimate.ts'
import type { Decided } from '../adopt/run.ts'

/** So much is hashed to see how fast this machine is. */
const SAMPLE = 16 * 1024 * 1024

/** How long it takes to do what a run that changed nothing found. `bytes`: of the closure. */
export function estimateFor(decided: readonly Decided[], bytes: number): Estimate {
  const builds = new Map<string, number | undefined>()
  for (const { outcome } of decided)
    if (outcome.kind === 'to-rebuild') builds.set(outcome.derivation, outcome.seconds)
  return estimate({ builds: [...builds.values()], bytes }, hashingSpeed())
}

/** Bytes a second. */
function hashingSpeed(): number {
  const since = performance.now()
  createHash('sha256').update(Buffer.alloc(SAMPLE)).digest()
  return SAMPLE / Math.max(0.001, (performance.now() - since) / 1000)
}
