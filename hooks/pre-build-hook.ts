import { mayBuildByLedger } from '../src/verifier/by-ledger.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import type { Hook } from './hook-type.ts'

/** The hook that Nix calls with a derivation that it is about to build. */
export function preBuildHook(derivation: string): Hook {
  return {
    derivation,
    admits: () => mayBuildByLedger(DEFAULT_PLACES, derivation),
    judge: async () => (await import('./ask-or-judge.ts')).decideBeforeBuild(derivation),
  }
}
