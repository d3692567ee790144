/** The answers to the questions of `nixsig init`. */
import type { Instant } from '../../policy/policy.ts'
import type { CacheKey } from '../carry/key.ts'

/** Somebody whom the policy is to list, with a key as TOML. */
export interface NewPrincipal {
  /** A name that TOML takes without quotes. */
  readonly name: string
  /** A string, or a table for an OpenPGP key or a Sigstore identity. */
  readonly keyToml: string
}

/** `keep`: as the policy that is there has it. */
export interface Answers {
  /** Who may have built outputs, beside this machine: the holders of these keys. */
  readonly build: 'keep' | { readonly keys: readonly CacheKey[] }
  /** Who says that a source is the real one, added to those who do so already. */
  readonly packagers: readonly NewPrincipal[]
  /** Addresses at which attestations are published, added to those that are listed already. */
  readonly sources: readonly string[]
  /**
   * What becomes of sources that nobody signs. `exempt`: they pass until then, by an exemption;
   * `pass`: they pass for ever.
   */
  readonly unsigned: 'keep' | 'refuse' | 'pass' | { readonly exemptUntil: Instant }
  /** Who has to sign derivations: `anybody` may write them. */
  readonly derivations: 'keep' | 'anybody' | 'packagers'
}
