/** The Nix store could not be asked, or said no. `message` is fit for a terminal. Never a verdict about a path. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
