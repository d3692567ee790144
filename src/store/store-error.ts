/**
 * The Nix store could not be asked, or it reported an error. `message` can be printed safely. Never
 * a verdict about a path.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
