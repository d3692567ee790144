/** `npins/sources.json`, versions 3 to 8, as npins writes it and its default.nix reads it. */
import { printable } from '../../primitives/printable.ts'
import { linesOfKeys } from '../json/positions.ts'
import { fields, type JsonNode, malformed, objectOf, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { archivePin } from './archive-url.ts'
import { canonicalUrl, fetchUrl, forgeUrl } from './input-url.ts'
import { bareHashOf, commitOf, type LockedInput, type Pin, refOf } from './locked-input.ts'
import { pinOrOdd } from './odd-pin.ts'

const FORMAT = 'npins/sources.json'
const SIZE_LIMIT = 4 * 1024 * 1024
const PIN_LIMIT = 10_000

/**
 * The first version whose default.nix hands the hash to fetchGit; in those before it, it stands in
 * a comment there.
 */
const CHECKS_HASH = 7

/** The first version whose default.nix heeds `submodules`, and then needs no archive. */
const HAS_SUBMODULES = 4

const GIT_FIELDS = ['branch', 'url', 'submodules', 'lfs', 'frozen'] as const
const RELEASE_FIELDS = ['pre_releases', 'version_upper_bound', 'release_prefix', 'version'] as const

/** Reads npins/sources.json. Throws FormatError. */
export function parseNpins(bytes: Uint8Array): readonly LockedInput[] {
  const text = decodeUtf8(bytes, FORMAT)
  const whole = rootNode(FORMAT, parseStrictJson(text, { length: SIZE_LIMIT, depth: 8 }))
  const top = fields(whole, { required: ['pins', 'version'], optional: [], others: 'refuse' })
  const version = Number(top.version.value)
  if (typeof top.version.value !== 'number' || version < 3 || version > 8) {
    throw malformed(top.version, 'must be 3 to 8: npins upgrade writes such a one')
  }
  const lines = linesOfKeys(text, ['pins'])
  const pins = [...objectOf(top.pins)]
  if (pins.length > PIN_LIMIT) throw malformed(top.pins, `more than ${PIN_LIMIT} pins`)
  return pins.map(([name, value]) => {
    const path = `pins.${printable(name, 60)}`
    const node = { format: FORMAT, where: path, value }
    return { path, line: lines.get(name) ?? 1, pin: pinOrOdd(() => readPin(node, version)) }
  })
}

function readPin(node: JsonNode, version: number): Pin {
  const type = objectOf(node).get('type')
  switch (type) {
    case 'Git':
    case 'GitRelease':
      return readGit(node, version)
    case 'Channel':
      return readFile(node, 'tarball', ['name', 'artifact', 'version'])
    case 'PyPi':
      return readFile(node, 'file', ['name', 'version', 'version_upper_bound'])
    case 'File':
      return readFile(node, 'file', [])
    case 'Tarball':
      return readFile(node, 'tarball', ['locked_url'])
    case 'Url':
    case 'MutableUrl':
      return readFile(node, objectOf(node).get('unpack') === false ? 'file' : 'tarball', [
        'unpack',
        'update_url',
      ])
    case 'Container':
      return readContainer(node)
    default:
      throw malformed(node, 'an unknown type of pin')
  }
}

function readGit(node: JsonNode, version: number): Pin {
  const found = fields(node, {
    required: ['type', 'repository', 'revision', 'hash'],
    optional: [...GIT_FIELDS, ...RELEASE_FIELDS],
    others: 'refuse',
  })
  const submodules = found.submodules?.value === true && version >= HAS_SUBMODULES
  const isFetchedByGit = found.url === undefined || found.url.value === null || submodules
  const hash = bareHashOf(found.hash)
  const { url, from } = repositoryUrl(found.repository)
  return {
    kind: 'git',
    url,
    from,
    form: isFetchedByGit ? 'repository' : 'tarball',
    commit: commitOf(found.revision),
    ...((!isFetchedByGit || version >= CHECKS_HASH) && { narHash: hash }),
    ...(found.branch && { ref: refOf(found.branch) }),
    submodules,
    lfs: found.lfs?.value === true,
  }
}

/** The canonical URL of a repository, and what to fetch from. */
function repositoryUrl(node: JsonNode): { readonly url: string; readonly from: string } {
  const names = ['url', 'owner', 'repo', 'repo_path', 'server', 'private_token'] as const
  const found = fields(node, { required: ['type'], optional: names, others: 'refuse' })
  const text = (name: (typeof names)[number]) => {
    const field = found[name]
    if (field === undefined) throw malformed(node, `field "${name}" is missing`)
    return stringOf(field)
  }
  return readString({ ...node, value: '' }, () => {
    const url = urlOf(text)
    return { url, from: found.type.value === 'Git' ? fetchUrl(text('url'), url) : url }
  })

  function urlOf(name: typeof text): string {
    const server = () => name('server').replace(/\/$/, '')
    switch (found.type.value) {
      case 'Git':
        return canonicalUrl(name('url'), 'git')
      case 'GitHub':
        return forgeUrl('github.com', name('owner'), name('repo'))
      case 'GitLab':
        return canonicalUrl(`${server()}/${name('repo_path')}`, 'git')
      case 'Forgejo':
        return canonicalUrl(`${server()}/${name('owner')}/${name('repo')}`, 'git')
      default:
        throw malformed(node, 'an unknown type of repository')
    }
  }
}

function readFile(node: JsonNode, kind: 'tarball' | 'file', optional: readonly string[]): Pin {
  const found = fields(node, {
    required: ['type', 'url', 'hash'],
    optional: [...optional, 'frozen'],
    others: 'refuse',
  })
  const place = (found as Readonly<Record<string, JsonNode>>)['locked_url'] ?? found.url
  if (kind === 'tarball') return readString(place, url => archivePin(url, bareHashOf(found.hash)))
  // The hash of a file is not that of its NAR.
  return { kind, url: readString(place, url => canonicalUrl(url, 'file')), isPinnedFlat: true }
}

function readContainer(node: JsonNode): Pin {
  const required = ['type', 'image_name', 'image_tag', 'image_digest', 'hash'] as const
  const found = fields(node, { required, optional: ['frozen'], others: 'refuse' })
  const name = stringOf(found.image_name)
  if (!/^[\w][\w./:-]{0,254}$/.test(name) || name.includes('..')) {
    throw malformed(found.image_name, 'cannot be the name of an image')
  }
  return { kind: 'file', url: `docker:${name}`, narHash: bareHashOf(found.hash) }
}
