/**
 * The Nix store could not be asked, or it reported an error. `message` can be printed safely. Never
 * a verdict about a path.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  /** Whether the daemon went away, so that another connection may give the answer. */
  readonly isLoss: boolean

  constructor(message: string, { isLoss = false }: { readonly isLoss?: boolean } = {}) {
    super(message)
    this.isLoss = isLoss
  }
}
