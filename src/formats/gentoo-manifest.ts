/**
 * The lines of Gentoo's Manifest files (GLEP 74): `DIST <name> <size> <algorithm> <hex>
 * [<algorithm> <hex> …]`.
 */

/** The kinds of lines that have checksums. */
const LINE =
  /^(?:DIST|DATA|MANIFEST|MISC|EBUILD|AUX|OPTIONAL) (\S+) (\d{1,19})((?: [A-Z0-9_]{2,16} [0-9A-Fa-f]{1,128}){1,16})$/

/** `TIMESTAMP <time>` and `IGNORE <path>` have no checksums. */
const OTHERS = /^(?:TIMESTAMP|IGNORE) \S+$/

/** One checksum in a line. */
export interface ManifestEntry {
  readonly algorithm: string
  readonly hash: string
  readonly path: string
}

/**
 * The checksums in one line of a Manifest; undefined if it is not such a line, or if its name has
 * escapes.
 */
export function readManifestLine(line: string): readonly ManifestEntry[] | undefined {
  if (OTHERS.test(line)) return []
  const [, path, , rest] = LINE.exec(line) ?? []
  if (path === undefined || rest === undefined || path.includes('\\')) return undefined
  const words = rest.trim().split(' ')
  return words.flatMap((algorithm, at) =>
    at % 2 === 0 ? [{ algorithm, hash: words[at + 1] ?? '', path }] : [],
  )
}
