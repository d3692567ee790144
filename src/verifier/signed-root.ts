import type { Claim, Trouble } from '../policy/verdict.ts'
import type { StoredDerivation } from './derivation-parts.ts'

/** A derivation whose build graph was signed, and who signed it. */
export interface SignedRoot {
  readonly derivation: StoredDerivation
  readonly claims: readonly Claim[]
}

/** All of them, and what kept others from being found. */
export interface SignedRoots {
  readonly roots: readonly SignedRoot[]
  readonly troubles: readonly Trouble[]
}
