import type { Declaration, SignaturePart } from '../evidence/derivation-signatures.ts'
import type { Derivation } from '../formats/nix/derivation.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import type { StorePathKind } from '../policy/policy.ts'

/** A derivation as it lies in the store, with its contents checked against its name. */
export interface StoredDerivation {
  readonly path: StorePath
  readonly name: string
  readonly derivation: Derivation
  /** SHA-256 of the NAR of the .drv file, lower-case hex. */
  readonly narHash: string
}

/** Something that must have been admitted before a build may start. */
export interface Input {
  readonly path: StorePath
  readonly kind: Exclude<StorePathKind, 'derivation'>
  /** The derivation that makes it; absent for what evaluation copied in. */
  readonly derivation?: StoredDerivation
  /**
   * What is declared about its signatures, by the derivation that makes it and by the one that is
   * built from it.
   */
  readonly declared?: readonly Declaration[]
  /** The kind of signature file that the derivation built from it names it as. */
  readonly part?: SignaturePart
  /**
   * Set on an output: the derivation that fetches this path, and declares a hash that the contents
   * are not known to have.
   */
  readonly unlike?: string
}

/** One output of a derivation, with its kind for the policy. */
export interface Output extends Input {
  readonly name: string
  readonly derivation: StoredDerivation
  /** Set if the derivation says that what it fetches is a signature. */
  readonly isSignature?: true
}
