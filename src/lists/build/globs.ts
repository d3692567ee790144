/**
 * The globs of an entry: from the addresses of a package's sources to the names and URLs for which
 * its developers' keys count. They never reach beyond what belongs to the package.
 */
import { mirrorsOf } from './mirror-names.ts'

const GLOB_COUNT = 32
/** Each gives up to ten. */
const NAME_COUNT = 3
const NAME_LIMIT = 211
const URL_LIMIT = 1024

/** What an entry matches, as in list.json. No URLs: any address. */
export interface EntryGlobs {
  readonly names: readonly string[]
  readonly urls: readonly string[]
}

/**
 * The globs for a package whose sources come from these addresses, in which `*` stands for whatever
 * varies. An address counts if its host is spelled out (on a forge also the project), and if the
 * package is named in its directory or in its file name: on a host that many projects share,
 * anything else would cover other people's sources. Without such an address, only files that begin
 * with the package's name are covered, from wherever they come. A digit follows the name in each
 * glob: `apr-*` would cover apr-util.
 */
export function globsFor(packageName: string, addresses: readonly string[]): EntryGlobs {
  const names = new Set<string>()
  const urls = new Set<string>()
  const loose = new Set<string>()
  let isOwnPlace = true
  for (const { directory, file } of addresses.flatMap(splitAddress)) {
    const name = sourceName(file)
    const isInDirectory = isDirectoryOf(directory.replace(/^[a-z]+:\/\/[^/]*/, ''), packageName)
    const isInName = name !== undefined && isNameOf(name, packageName)
    if (!isInDirectory && !isInName) continue
    // On a host that is shared, the name alone keeps the keys with their package.
    if (name !== undefined && isInName) names.add(name)
    else if (name !== undefined && /[A-Za-z]{3}/.test(withoutEnding(name))) loose.add(name)
    isOwnPlace &&= isInDirectory
    for (const url of mirrorsOf(`${directory}/*`)) if (isPlain(url)) urls.add(url)
  }
  if (isOwnPlace) for (const name of loose) names.add(name)
  const own = ownName(packageName)
  if (own !== undefined && (names.size === 0 || urls.size === 0)) names.add(own)
  return {
    names: [...names].slice(0, NAME_COUNT).flatMap(withVersion),
    urls: [...urls].slice(0, GLOB_COUNT),
  }
}

/**
 * A glob for each digit with which the first part that varies can begin, if text stands before it.
 */
function withVersion(name: string): readonly string[] {
  const star = withoutEnding(name).indexOf('*')
  if (star < 1 || /\d/.test(name.charAt(star - 1))) return [name]
  return Array.from({ length: 10 }, (_, digit) => `${name.slice(0, star)}${digit}${name.slice(star)}`)
}

/** Hosts on which the first two parts of a path are an owner and a project. */
const FORGE =
  /^[a-z]+:\/\/(?:www\.|codeload\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org|git\.sr\.ht)(?::|$)/i

/** An address in two: both are globs. None if its host, its scheme or a forge's project varies. */
function splitAddress(address: string): readonly { readonly directory: string; readonly file: string }[] {
  const [, origin, path] =
    /^((?:https?|ftp|mirror):\/\/[0-9A-Za-z.-]+(?::\d{1,5})?)\/(.*)$/s.exec(address.replaceAll('?', '*')) ??
    []
  if (origin === undefined || path === undefined) return []
  if (FORGE.test(origin) && !/^[^*/]+\/[^*/]+\//.test(path)) return []
  const slash = path.lastIndexOf('/')
  const directory = slash < 0 ? '' : `/${path.slice(0, slash)}`
  return [{ directory: `${origin.toLowerCase()}${directory}`, file: path.slice(slash + 1) }]
}

const ARCHIVE = /\.(?:zip|tgz|tbz2?|txz|jar|gem)$/

/** The glob of a name without that of its format: `*.zip` names nothing. */
function withoutEnding(name: string): string {
  return name.replace(/\.tar\.\*$/, '').replace(ARCHIVE, '')
}

/** Files of the same release in other compressions are the same developer's. */
function sourceName(file: string): string | undefined {
  const bare = file.replace(/^\*+(?=[^*])/, '')
  const name = ARCHIVE.test(bare)
    ? bare
    : `${bare.replace(/(?:\.tar)?(?:\.(?:gz|bz2|xz|lz|zst|\*z?2?))?$/, '').replace(/\.\*$/, '')}.tar.*`
  const plain = name.replace(/[^0-9A-Za-z+._=*-]+/g, '*').replace(/\*{2,}/g, '*')
  return plain.length <= NAME_LIMIT && /[0-9A-Za-z]/.test(withoutEnding(plain)) ? plain : undefined
}

function ownName(packageName: string): string | undefined {
  return /^[0-9A-Za-z+._-]{1,100}$/.test(packageName) ? `${packageName}-*.tar.*` : undefined
}

function isPlain(url: string): boolean {
  return url.length <= URL_LIMIT && /^[!-~]+$/.test(url)
}

/** What distributions put before a name: `python-requests` is requests. */
const PREFIX = /^(?:python3?|ruby|node|golang|haskell|rust|perl|php|r-cran|lib)-?/

/**
 * A package's name, with and without what distributions put around it and the digits at its end.
 */
function stemsOf(packageName: string): readonly string[] {
  const bare = packageName.replace(PREFIX, '').replace(/(?:-perl|-java|-php)$/, '')
  const stems = [packageName, bare, packageName.replace(/[0-9.]+$/, ''), bare.replace(/[0-9.]+$/, '')]
  // Names of one letter name nothing.
  return stems.map(lettersOf).filter(stem => stem.length >= 2)
}

/** Parts of addresses that belong to no one project, though a package can be called so. */
const COMMON = new Set(
  `archive archives art code cpan data debian dist download downloads file files ftp git gnu get home kernel latest
  linux main mirror mirrors old packages people perl project projects pub public python raw refs release releases
  share software source sources src stable svn tags tar trunk upload uploads users web www`.split(/\s+/),
)

/**
 * Whether a directory is the package's own: a part of it is its name, `/re2/` but not `/releases/`,
 * and none after it could be another project's.
 */
function isDirectoryOf(directory: string, packageName: string): boolean {
  const stems = stemsOf(packageName).filter(stem => !COMMON.has(stem))
  const parts = directory.split('/').map(part => part.replace(/\.git$/, ''))
  const own = parts.findLastIndex(part => stems.includes(lettersOf(part)))
  return own >= 0 && parts.slice(own + 1).every(part => isNobodys(part, stems))
}

/** Versions, what varies, common words, and the package's own name with a version. */
function isNobodys(part: string, stems: readonly string[]): boolean {
  const letters = lettersOf(part).replaceAll(/[0-9]/g, '')
  return letters.length < 2 || COMMON.has(letters) || stems.includes(letters)
}

/**
 * Whether a name has nothing but the package's own before what varies: `libmd-v*`, but not
 * `libmd-extras-*`.
 */
function isNameOf(glob: string, packageName: string): boolean {
  const stems = stemsOf(packageName)
  const [before = ''] = withoutEnding(glob).split('*')
  const bare = before
    .replace(/[-_.]?[0-9.]*$/, '')
    .replace(/[-_.](?:v|r|ver|version|src|source|release|rel)$/i, '')
  return [before, bare].some(each => stems.includes(lettersOf(each)))
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^0-9a-z]/g, '')
}
