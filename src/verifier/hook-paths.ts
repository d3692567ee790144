/**
 * The longest environment string of a new program on Linux: MAX_ARG_STRLEN, 32 pages of 4 KiB,
 * including its NUL.
 */
export const PATHS_LIMIT = 32 * 4096

/**
 * The length in bytes of the variable in which Nix names a build's outputs to the post-build hook:
 * `OUT_PATHS=`, the paths separated by blanks, and the NUL.
 */
export function lengthForHook(paths: readonly string[]): number {
  return paths.reduce((length, path) => length + path.length + 1, 'OUT_PATHS='.length)
}
