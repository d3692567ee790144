/**
 * What has to leave the store is left to the hook that asked: this process may not write there. The hook then judges
 * itself, and Nix gave it the rights.
 */
export class LeftToTheHook extends Error {
  override readonly name = 'LeftToTheHook'
}
