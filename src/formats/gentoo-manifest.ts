/** Lines of Gentoo's Manifest files (GLEP 74): `DIST <name> <size> <algorithm> <hex> [<algorithm> <hex> …]`. */

/** Kinds of lines that have checksums. */
const LINE =
  /^(?:DIST|DATA|MANIFEST|MISC|EBUILD|AUX|OPTIONAL) (\S+) (\d{1,19})((?: [A-Z0-9_]{2,16} [0-9A-Fa-f]{1,128}){1,16})$/

/** `TIMESTAMP <time>` and `IGNORE <path>` say nothing of any file's contents. */
const OTHERS = /^(?:TIMESTAMP|IGNORE) \S+$/

export interface ManifestEntry {
  readonly algorithm: string
  readonly hash: string
  readonly path: string
}

/** The checksums in a line of a Manifest; undefined for what is not one, or has a name with escapes. */
export function readManifestLine(line: string): readonly ManifestEntry[] | undefined {
  if (OTHERS.test(line)) return []
  const [, path, , rest] = LINE.exec(line) ?? []
  if (path === undefined || rest === undefined || path.includes('\\')) return undefined
  const words = rest.trim().split(' ')
  return words.flatMap((algorithm, at) =>
    at % 2 === 0 ? [{ algorithm, hash: words[at + 1] ?? '', path }] : [],
  )
}
