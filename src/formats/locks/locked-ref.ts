/**
 * What one node of a flake.lock is locked to: the attributes of a flake reference, as Nix's
 * fetchers write them (Nix manual, "nix flake", "Flake references"). Every attribute is known or
 * the lock is refused. `rev`, `lastModified`, `revCount` and `treeHash` are only labels to Nix when
 * there is a `narHash`: nothing here believes them.
 */
import { fields, type JsonNode, malformed, objectOf, readString, stringOf } from '../json/shape.ts'
import { archivePin } from './archive-url.ts'
import { canonicalUrl, FORGE_HOSTS, fetchUrl, forgeUrl, pathUrl } from './input-url.ts'
import { commitOf, directoryOf, type GitPin, hashOf, type Pin, refOf } from './locked-input.ts'

const LABELS = ['lastModified', 'revCount', 'rev', 'dir', 'narHash', 'name'] as const

/** What Nix writes in place of `rev` for a work tree that was not its commit. */
const DIRTY = ['dirtyRev', 'dirtyShortRev'] as const

/** The last second of the year 9999. */
const LAST_TIME = 253_402_300_799

const GIT_FLAGS = ['shallow', 'submodules', 'allRefs', 'exportIgnore', 'lfs', 'verifyCommit'] as const

/** Reads `locked`, or another flake reference in attributes. Throws FormatError. */
export function readLockedRef(node: JsonNode): Pin {
  const type = objectOf(node).get('type')
  if (typeof type !== 'string') throw malformed(node, 'field "type" is missing')
  assertNumber(node, 'lastModified', LAST_TIME)
  assertNumber(node, 'revCount', Number.MAX_SAFE_INTEGER)
  if (Object.hasOwn(FORGE_HOSTS, type)) return readForge(node, FORGE_HOSTS[type] ?? '')
  switch (type) {
    case 'git':
      return readGit(node)
    case 'tarball':
    case 'file':
      return readFile(node, type)
    case 'path':
      return readPath(node)
    case 'hg':
      return readMercurial(node)
    case 'indirect':
      return readIndirect(node)
    default:
      throw malformed(node, 'an unknown type of input')
  }
}

/** A number that expressions may see is one that Nix can have written. */
function assertNumber(node: JsonNode, name: string, limit: number): void {
  const value = objectOf(node).get(name)
  if (value === undefined) return
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= limit) return
  throw malformed(node, `"${name}" must be a number from 0 to ${limit}`)
}

function readGit(node: JsonNode): GitPin {
  const optional = [...LABELS, ...DIRTY, ...GIT_FLAGS, 'ref', 'keytype', 'publicKey', 'publicKeys'] as const
  const found = fields(node, { required: ['type', 'url'], optional, others: 'refuse' })
  const flag = (name: 'submodules' | 'lfs' | 'allRefs') => isTrue(found[name])
  const url = readString(found.url, text => canonicalUrl(text, 'git'))
  return {
    kind: 'git',
    url,
    from: fetchUrl(stringOf(found.url), url),
    form: 'repository',
    ...pinned(found),
    submodules: flag('submodules'),
    lfs: flag('lfs'),
    ...(flag('allRefs') && { allRefs: true }),
  }
}

function readForge(node: JsonNode, usual: string): GitPin {
  const optional = [...LABELS, 'ref', 'host', 'treeHash'] as const
  const found = fields(node, { required: ['type', 'owner', 'repo'], optional, others: 'refuse' })
  const host = found.host === undefined ? usual : stringOf(found.host)
  // GitLab has groups in groups, with their slashes escaped.
  const owner = stringOf(found.owner).replace(/%2f/gi, '/')
  const url = readString(found.repo, repo => forgeUrl(host, owner, repo))
  return { kind: 'git', url, from: url, form: 'tarball', ...pinned(found), submodules: false, lfs: false }
}

function readFile(node: JsonNode, kind: 'tarball' | 'file'): Pin {
  const found = fields(node, { required: ['type', 'url'], optional: [...LABELS, 'unpack'], others: 'refuse' })
  const hash = hashed(found)
  if (kind === 'tarball') {
    return { ...readString(found.url, url => archivePin(url, hash.narHash)), ...placed(found) }
  }
  return { kind, url: readString(found.url, text => canonicalUrl(text, 'file')), ...hash, ...placed(found) }
}

function readPath(node: JsonNode): Pin {
  const found = fields(node, { required: ['type', 'path'], optional: LABELS, others: 'refuse' })
  const path = stringOf(found.path)
  // Relative to what, the lock around it says.
  if (!path.startsWith('/')) return readRelative(node, path)
  return { kind: 'path', url: readString(found.path, pathUrl), ...hashed(found), ...placed(found) }
}

/**
 * Nix since 2.26 writes the path and nothing else. Older ones do not know what it is relative to:
 * they take whatever has the NAR hash.
 */
function readRelative(node: JsonNode, directory: string): Pin {
  const other = [...objectOf(node).keys()].find(name => name !== 'type' && name !== 'path')
  if (other === undefined) return { kind: 'inside', of: [], directory }
  throw malformed(
    node,
    `is a relative path with "${other}", so that it is not certain to be part of the tree around it`,
  )
}

function readMercurial(node: JsonNode): Pin {
  const found = fields(node, { required: ['type', 'url'], optional: [...LABELS, 'ref'], others: 'refuse' })
  const url = readString(found.url, text => canonicalUrl(text.replace(/^hg\+/, ''), 'git'))
  return { kind: 'mercurial', url: `hg+${url}`, ...hashed(found), ...placed(found) }
}

function readIndirect(node: JsonNode): Pin {
  const found = fields(node, { required: ['type', 'id'], optional: [...LABELS, 'ref'], others: 'refuse' })
  const id = stringOf(found.id)
  if (!/^[a-zA-Z][\w-]{0,99}$/.test(id)) throw malformed(found.id, 'cannot be a name in a registry')
  return { kind: 'indirect', url: `flake:${id}`, ...placed(found) }
}

interface PinnedFields {
  readonly rev?: JsonNode
  readonly ref?: JsonNode
  readonly narHash?: JsonNode
  readonly dir?: JsonNode
}

function pinned({
  rev,
  ref,
  narHash,
  dir,
}: PinnedFields): Pick<GitPin, 'commit' | 'ref' | 'narHash' | 'dir'> {
  return {
    ...(rev && { commit: commitOf(rev) }),
    ...(ref && { ref: refOf(ref) }),
    ...hashed({ narHash }),
    ...placed({ dir }),
  }
}

function placed({ dir }: { readonly dir?: JsonNode | undefined }): { readonly dir?: string } {
  const path = dir && directoryOf(dir)
  return path === undefined ? {} : { dir: path }
}

function hashed({ narHash }: { readonly narHash?: JsonNode | undefined }): { readonly narHash?: string } {
  return narHash === undefined ? {} : { narHash: hashOf(narHash) }
}

/** Nix writes booleans as such, or as 1 and 0. */
function isTrue(node: JsonNode | undefined): boolean {
  if (node === undefined) return false
  const { value } = node
  if (typeof value === 'boolean') return value
  if (value === 0 || value === 1) return value === 1
  throw malformed(node, 'must be true or false')
}
