/**
 * Why expressions cannot be approved:
 *
 *     revision         a commit or a tree that cannot be read, or that Nix stores as something else
 *     lock             inputs that are not locked, or that cannot be verified
 *     evaluation       Nix could not evaluate them, or gave no derivation
 *     unnamed-source   a source in the build graph whose name does not prove its contents
 */
export type ExpressionProblem = 'revision' | 'lock' | 'evaluation' | 'unnamed-source'

/** Expressions that cannot be approved. The message is escaped and says how to go on. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
  readonly code: ExpressionProblem

  constructor(code: ExpressionProblem, message: string) {
    super(message)
    this.code = code
  }
}
