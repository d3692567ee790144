/**
 * What Gentoo's ebuilds say: the keys in sec-keys, and the packages that verify their sources with
 * them.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { assertDirectory } from '../../../files/named-file.ts'
import { namesIn } from '../../../files/names-in.ts'
import { readRegularFile } from '../../../files/regular-file.ts'
import { toHex } from '../../../primitives/hex.ts'
import { sha256 } from '../../../primitives/sodium.ts'
import { KEY_FILE_LIMIT } from '../certificates.ts'
import type { Counts, Finding, Remark } from '../finding.ts'
import { leavingOut } from '../leaving-out.ts'
import { type Ebuild, ebuildName, readEbuild } from './ebuild.ts'
import { assertListed, checksumsIn, signedTree, type Tree, unverifiedTree } from './tree.ts'

const EBUILD_LIMIT = 1024 * 1024
const MANIFEST_LIMIT = 4 * 1024 * 1024
const KEYS = 'sec-keys'

/** Where Gentoo's tree lies, and what has to have signed it. */
export interface GentooPlace {
  readonly directory: string
  /** By default the directory `distfiles` of the tree. */
  readonly distfiles: string | undefined
  readonly keyring: string
  readonly trust: 'signed' | 'unverified'
}

export interface GentooOptions extends GentooPlace {
  readonly counts: Counts
  readonly remark: Remark
}

interface KeyPackage {
  readonly files: readonly Uint8Array[]
  readonly fingerprints: readonly string[]
}

/** Reads a tree. Throws BuildError if it is not signed and has to be. */
export async function collectGentoo(options: GentooOptions): Promise<readonly Finding[]> {
  const { directory, keyring, trust } = options
  assertDirectory(directory)
  const tree = trust === 'unverified' ? unverifiedTree(directory) : await signedTree(directory, keyring)
  const keys = await readKeyPackages(tree, options)
  const findings: Finding[] = []
  for (const category of namesIn(directory)) {
    if (category === KEYS || !/^[a-z0-9]+(?:-[a-z0-9]+)?$/.test(category)) continue
    if (!existsSync(join(directory, category, 'metadata.xml')) && !/-|^virtual$/.test(category)) continue
    for (const name of foldersIn(join(directory, category))) {
      const finding = await leavingOut('gentoo', `${category}/${name}`, options, () =>
        readPackage(tree, `${category}/${name}`, keys, options),
      )
      if (finding !== undefined) findings.push(finding)
    }
  }
  return findings
}

async function readKeyPackages(tree: Tree, options: GentooOptions): Promise<ReadonlyMap<string, KeyPackage>> {
  const { directory, distfiles = join(directory, 'distfiles') } = options
  const found = new Map<string, KeyPackage>()
  for (const name of foldersIn(join(directory, KEYS))) {
    const read = await leavingOut('gentoo', `${KEYS}/${name}`, options, async () => {
      const path = `${KEYS}/${name}`
      const newest = await readNewest(tree, directory, path)
      const manifest = await tree.read(`${path}/Manifest`, MANIFEST_LIMIT)
      if (newest === undefined || manifest === undefined) return undefined
      const files = [...checksumsIn(Buffer.from(manifest).toString('utf8'))].flatMap(([file, lines]) => {
        if (!/^[0-9A-Za-z][0-9A-Za-z.+_@-]*$/.test(file) || file.endsWith('.ebuild')) return []
        if (isOfAnOlder(file, newest)) return []
        const bytes = readRegularFile(join(distfiles, file), KEY_FILE_LIMIT)
        if (bytes === undefined) {
          options.counts.add('absent')
          return []
        }
        assertListed(file, bytes, lines)
        return [bytes]
      })
      return { files, fingerprints: newest.ebuild.fingerprints }
    })
    if (read !== undefined) found.set(name, read)
  }
  return found
}

async function readPackage(
  tree: Tree,
  path: string,
  keys: ReadonlyMap<string, KeyPackage>,
  { directory, counts }: GentooOptions,
): Promise<Finding | undefined> {
  const newest = await readNewest(tree, directory, path)
  if (newest === undefined) return undefined
  counts.add('packages')
  const { ebuild, bytes } = newest
  const own = ebuild.keyPackages.flatMap(each => keys.get(each) ?? [])
  if (own.length === 0) {
    if (ebuild.needsOtherKeys) counts.add('otherKeys')
    return undefined
  }
  counts.add('signed')
  counts.add('read')
  if (tree.signer === undefined) counts.add('unsigned')
  const fingerprints = own.flatMap(each => each.fingerprints)
  return {
    distribution: 'gentoo',
    package: ebuild.name,
    category: path.slice(0, path.indexOf('/')),
    version: ebuild.version,
    sha256: toHex(sha256(bytes)),
    ...(tree.signer !== undefined && { archiveKey: tree.signer }),
    keyFiles: own.flatMap(each => each.files),
    ...(own.every(each => each.fingerprints.length > 0) && { fingerprints }),
    addresses: ebuild.addresses,
    tried: [],
  }
}

interface Newest {
  readonly ebuild: Ebuild
  readonly bytes: Uint8Array
  /** Versions of the ebuilds beside it. */
  readonly others: readonly string[]
}

/**
 * The ebuild of the highest version, compared by its numbers; those of live sources (9999) are
 * passed over.
 */
async function readNewest(tree: Tree, directory: string, path: string): Promise<Newest | undefined> {
  const files = namesIn(join(directory, path)).flatMap(file => {
    const named = ebuildName(file)
    return named === undefined || /^9{4,}/.test(named.version) ? [] : [{ file, ...named }]
  })
  const [newest, ...others] = files.sort((a, b) => byNumbers(b.version, a.version))
  if (newest === undefined) return undefined
  const bytes = await tree.read(`${path}/${newest.file}`, EBUILD_LIMIT)
  return (
    bytes && {
      ebuild: readEbuild(Buffer.from(bytes).toString('utf8'), newest),
      bytes,
      others: others.map(({ version }) => version),
    }
  )
}

/**
 * A Manifest lists the files of all versions: those that name another one alone are not the
 * newest's.
 */
function isOfAnOlder(file: string, { ebuild, others }: Newest): boolean {
  const names = (version: string) => {
    const bare = version.replace(/-r\d+$/, '')
    const at = file.indexOf(bare)
    return at >= 0 && !/\d/.test(file.charAt(at - 1)) && !/\d/.test(file.charAt(at + bare.length))
  }
  return others.some(names) && !names(ebuild.version)
}

function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

function foldersIn(directory: string): readonly string[] {
  return existsSync(directory)
    ? namesIn(directory).filter(name => /^[0-9A-Za-z][0-9A-Za-z+_-]*$/.test(name))
    : []
}
