/** What Linux lets one variable of a new program have: MAX_ARG_STRLEN, 32 pages of 4 KiB, its NUL among them. */
export const PATHS_LIMIT = 32 * 4096

/** Bytes of the variable in which Nix names a build's outputs to the post-build hook: `OUT_PATHS=`, paths, blanks, NUL. */
export function lengthForHook(paths: readonly string[]): number {
  return paths.reduce((length, path) => length + path.length + 1, 'OUT_PATHS='.length)
}
