import { type Assignments, readAssignments } from '../shell.ts'
import { signedAddresses, type TakenSource } from '../signed-sources.ts'

/** What an ebuild says about developers' keys. */
export interface Ebuild {
  readonly name: string
  readonly version: string
  /** Packages in sec-keys whose keys it verifies its sources with. */
  readonly keyPackages: readonly string[]
  /** Whether it needs keys of minisign or signify. */
  readonly needsOtherKeys: boolean
  /**
   * In a package of sec-keys: the primary keys that count, upper-case hex; empty: all of its files.
   */
  readonly fingerprints: readonly string[]
  /** Of files with signatures beside them. Globs. */
  readonly addresses: readonly string[]
}

/** `libmd-1.1.0-r1.ebuild` in two; undefined for another name. */
export function ebuildName(file: string): { readonly name: string; readonly version: string } | undefined {
  const [, name, version] =
    /^([0-9A-Za-z_][0-9A-Za-z+_-]{0,99}?)-(\d[0-9a-z._]{0,63}(?:-r\d{1,9})?)\.ebuild$/.exec(file) ?? []
  return name === undefined || version === undefined ? undefined : { name, version }
}

/** Reads an ebuild as text; none of it is run. Throws FormatError. */
export function readEbuild(text: string, { name, version }: { name: string; version: string }): Ebuild {
  const known = new Map([
    ['PN', name],
    ['P', `${name}-*`],
    ...['PV', 'PVR', 'PR'].map(each => [each, '*'] as const),
    ['PF', `${name}-*`],
  ])
  const assigned = readAssignments(text, known)
  const needed = neededOf(assigned)
  return {
    name,
    version,
    keyPackages: keyPackagesOf(assigned, needed),
    needsOtherKeys: needed.some(word => /(?:^|[<>=~])sec-keys\/(?:minisig|signify)-keys-/.test(word)),
    fingerprints: assigned
      .all('SEC_KEYS_VALIDPGPKEYS')
      .map(each => each.split(':', 1)[0]?.toUpperCase() ?? '')
      .filter(each => /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(each)),
    addresses: signedAddresses(sourcesOf(assigned)),
  }
}

function neededOf(assigned: Assignments): readonly string[] {
  return ['BDEPEND', 'DEPEND'].flatMap(each => assigned.all(each)).flatMap(each => each.split(/\s+/))
}

/** Those that it depends on, or else the one whose file it names. */
function keyPackagesOf(assigned: Assignments, words: readonly string[]): readonly string[] {
  const needed = words.flatMap(
    word =>
      /(?:^|[<>=~])sec-keys\/(openpgp-keys-[a-z0-9+_-]{1,80}?)(?:-\d[0-9.]*|:.*)?$/.exec(word)?.[1] ?? [],
  )
  if (needed.length > 0) return [...new Set(needed)]
  const files = assigned.all('VERIFY_SIG_OPENPGP_KEY_PATH')
  return files.flatMap(file => {
    const [, key] = /\/openpgp-keys\/([0-9A-Za-z+._-]{1,80})\.(?:asc|gpg)$/.exec(file) ?? []
    return key === undefined ? [] : [`openpgp-keys-${key.toLowerCase()}`]
  })
}

/** `URL`, `URL -> NAME`, and conditions around them. */
function sourcesOf(assigned: Assignments): readonly TakenSource[] {
  const words = assigned.all('SRC_URI').flatMap(each => each.split(/\s+/))
  return words.flatMap((word, at) => {
    if (!word.includes('://')) return []
    const name = words[at + 1] === '->' ? words[at + 2] : undefined
    return [{ url: word, ...(name !== undefined && { name }) }]
  })
}
