import type { Declaration, SignaturePart } from '../evidence/derivation-signatures.ts'
import type { Derivation } from '../formats/nix/derivation.ts'
import type { StorePath } from '../formats/nix/store-path.ts'
import type { SubjectKind } from '../policy/policy.ts'

/** A derivation as it lies in the store, its contents checked against its name. */
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
  readonly kind: Exclude<SubjectKind, 'derivation'>
  /** The derivation that makes it; missing for what evaluation copied in. */
  readonly derivation?: StoredDerivation
  /** What is said of its signatures by the derivation that makes it, and by the one that is built from it. */
  readonly declared?: readonly Declaration[]
  /** As what kind of signature file the derivation that is built from it names it. */
  readonly part?: SignaturePart
}

/** One output of a derivation and what it is to the policy. */
export interface Output extends Input {
  readonly name: string
  readonly derivation: StoredDerivation
  /** The derivation says that what it fetches is a signature. */
  readonly isSignature?: true
}
