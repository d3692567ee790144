import { isAdmittedByLedger } from '../src/verifier/by-ledger.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import type { Hook } from './hook-type.ts'

/** The hook that Nix calls with a derivation whose outputs it has registered. */
export function postBuildHook(derivation: string): Hook {
  return {
    derivation,
    admits: () => isAdmittedByLedger(DEFAULT_PLACES, derivation),
    judge: async () => (await import('./ask-or-judge.ts')).decideAfterBuild(derivation),
  }
}
