/**
 * Thrown when something has to leave the store and this process may not write there. The hook that
 * asked then judges itself, because Nix gave it the rights.
 */
export class LeftToTheHook extends Error {
  override readonly name = 'LeftToTheHook'
}
