const PATH_LIMIT = 200
const DEPTH_LIMIT = 5

/**
 * Whether a text is the path of a target as lists have them: segments of letters, digits, `.`, `_`
 * and `-`, that begin with a letter or a digit, between single slashes. It means the same to a file
 * system, in a URL and in a pattern.
 */
export function isTargetPath(text: string): boolean {
  const segments = text.split('/')
  return (
    text.length <= PATH_LIMIT &&
    segments.length <= DEPTH_LIMIT &&
    segments.every(segment => /^[0-9A-Za-z][0-9A-Za-z._-]*$/.test(segment))
  )
}

/** Where a target lies in a repository with consistent snapshots. */
export function targetFile(path: string, sha256: string): string {
  const slash = path.lastIndexOf('/') + 1
  return `targets/${path.slice(0, slash)}${sha256}.${path.slice(slash)}`
}
