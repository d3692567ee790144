/**
 * `nix/sources.json`, as niv writes it and its sources.nix reads it. A source has whatever fields
 * its user gave it: those that decide what is fetched are read, and the others are for the user.
 */
import { printable } from '../../primitives/printable.ts'
import { linesOfKeys } from '../json/positions.ts'
import { fields, type JsonNode, malformed, objectOf, readString, rootNode, stringOf } from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { archivePin } from './archive-url.ts'
import { canonicalUrl, fetchUrl, pathUrl } from './input-url.ts'
import { bareHashOf, commitOf, type LockedInput, type Pin, refOf } from './locked-input.ts'
import { pinOrOdd } from './odd-pin.ts'

const FORMAT = 'nix/sources.json'
const SIZE_LIMIT = 4 * 1024 * 1024
const SOURCE_LIMIT = 10_000

/** Reads nix/sources.json. Throws FormatError. */
export function parseNiv(bytes: Uint8Array): readonly LockedInput[] {
  const text = decodeUtf8(bytes, FORMAT)
  const whole = rootNode(FORMAT, parseStrictJson(text, { length: SIZE_LIMIT, depth: 16, fractions: true }))
  const lines = linesOfKeys(text, [])
  const sources = [...objectOf(whole)]
  if (sources.length > SOURCE_LIMIT) throw malformed(whole, `more than ${SOURCE_LIMIT} sources`)
  return sources.map(([name, value]) => {
    const path = printable(name, 60)
    const node = { format: FORMAT, where: path, value }
    return { path, line: lines.get(name) ?? 1, pin: pinOrOdd(() => readSource(node)) }
  })
}

const FIELDS = ['type', 'url', 'sha256', 'rev', 'repo', 'ref', 'branch', 'tag', 'path', 'submodules'] as const

function readSource(node: JsonNode): Pin {
  const found = fields(node, { required: [], optional: FIELDS, others: 'ignore' })
  const needed = (name: (typeof FIELDS)[number]): JsonNode => {
    const field = found[name]
    if (field === undefined) throw malformed(node, `field "${name}" is missing`)
    return field
  }
  const hash = found.sha256 && bareHashOf(found.sha256)
  switch (found.type?.value ?? 'tarball') {
    case 'tarball':
      return readString(needed('url'), url => archivePin(url, hash))
    case 'file':
      return {
        kind: 'file',
        url: readString(needed('url'), url => canonicalUrl(url, 'file')),
        ...(hash && { isPinnedFlat: true }),
      }
    case 'git': {
      const url = readString(needed('repo'), repo => canonicalUrl(repo, 'git'))
      const ref = refIn(node, found)
      return {
        kind: 'git',
        url,
        from: fetchUrl(stringOf(needed('repo')), url),
        form: 'repository',
        commit: commitOf(needed('rev')),
        ...(ref !== undefined && { ref }),
        submodules: found.submodules?.value === true,
        lfs: false,
      }
    }
    case 'local':
      return { kind: 'path', url: readString(needed('path'), localUrl) }
    case 'builtin-tarball':
    case 'builtin-url':
      throw malformed(node, 'a type that niv no longer knows')
    default:
      throw malformed(node, `"${printable(stringOf(needed('type')), 40)}" is not a type of source`)
  }
}

/**
 * What niv has fetched. Which of several it takes depends on its version, so that they have to say
 * the same. Throws FormatError.
 */
function refIn(
  node: JsonNode,
  { ref, branch, tag }: Partial<Readonly<Record<'ref' | 'branch' | 'tag', JsonNode>>>,
): string | undefined {
  const named = [
    ref && refOf(ref).replace(/^(?!refs\/)/, 'refs/heads/'),
    branch && `refs/heads/${refOf(branch)}`,
    tag && `refs/tags/${refOf(tag)}`,
  ].filter(name => name !== undefined)
  if (new Set(named).size <= 1) return named[0]
  throw malformed(node, '"ref", "branch" and "tag" name different references: keep one of them')
}

/** A relative path is relative to the lock, so that it has no canonical URL of its own. */
function localUrl(path: string): string {
  return path.startsWith('/')
    ? pathUrl(path)
    : pathUrl(`/${path.replace(/^\.\//, '')}`).replace('path:/', 'path:')
}
