/**
 * The settings that doors are about, except `experimental-features`, from which Nix drops names
 * that it does not know.
 */
export const GUARDED: readonly string[] = [
  'accept-flake-config',
  'build-hook',
  'narinfo-cache-negative-ttl',
  'narinfo-cache-positive-ttl',
  'plugin-files',
  'post-build-hook',
  'pre-build-hook',
  'require-sigs',
  'sandbox',
  'sandbox-fallback',
  'secret-key-files',
  'store',
  'substituters',
  'trusted-public-keys',
  'trusted-substituters',
  'trusted-users',
]
