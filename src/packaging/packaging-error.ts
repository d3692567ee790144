import type { DetachedResult } from '../crypto/detached/verify.ts'

/**
 * What stands in the way of attesting, handing off or importing:
 *
 *     not-valid         the store does not have this path
 *     altered           contents that differ from what the store registered, or that changed meanwhile
 *     wrong-kind        a path, file or key that cannot be used for this
 *     not-built-here    an output that this machine did not build
 *     no-derivation     no derivation where one is needed
 *     not-rebuilt       a kind of output of which building it again would say nothing
 *     evaluation        Nix could not evaluate an expression
 *     unknown-source    a signature or revision that was named for no source, or for several
 *     key-not-in-force  a named key that the policy revokes, or that has expired
 *     nothing-signed    a file or directory that was to be imported and has nothing to import
 *     bad-signature     a developer's signature that is not good
 */
export type PackagingProblem =
  | 'not-valid'
  | 'altered'
  | 'wrong-kind'
  | 'not-built-here'
  | 'no-derivation'
  | 'not-rebuilt'
  | 'evaluation'
  | 'unknown-source'
  | 'key-not-in-force'
  | 'nothing-signed'
  | 'bad-signature'

/** A packager's work that cannot be done. The message is escaped and says how to go on. */
export class PackagingError extends Error {
  override readonly name: string = 'PackagingError'
  readonly code: PackagingProblem

  constructor(code: PackagingProblem, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A developer's signature that is not good: no key made it, or a key made it over something else.
 */
export class BadSignatureError extends PackagingError {
  override readonly name = 'BadSignatureError'
  /** What each key has to do with it. */
  readonly results: readonly DetachedResult[]

  constructor(message: string, results: readonly DetachedResult[]) {
    super('bad-signature', message)
    this.results = results
  }
}
