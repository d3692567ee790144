import { FormatError } from '../../../primitives/format-error.ts'
import { readAssignments } from '../shell.ts'
import { signedAddresses, type TakenSource } from '../signed-sources.ts'

/** What a PKGBUILD says about its developers. */
export interface Pkgbuild {
  readonly name: string
  readonly version: string
  /** Upper-case hex: `validpgpkeys`. */
  readonly fingerprints: readonly string[]
  /** Of files with signatures beside them. Globs. */
  readonly addresses: readonly string[]
  /** How many of `validpgpkeys` only a shell could know. */
  readonly unknownKeys: number
}

const VARYING = new Map(['pkgver', 'pkgrel', 'epoch', '_pkgver', '_commit', '_tag'].map(name => [name, '*']))

/** Reads a PKGBUILD as text; none of it is run. Throws FormatError, also if it has no name. */
export function readPkgbuild(text: string): Pkgbuild {
  const assigned = readAssignments(text, VARYING)
  const [name] = [...assigned.all('pkgbase'), ...assigned.all('pkgname')]
  if (name === undefined || !/^[a-z0-9@_+][a-z0-9@._+-]{0,99}$/.test(name))
    throw new FormatError('PKGBUILD', 'no name that is literal', 'pkgname')
  const [version = ''] = assigned.all('pkgver')
  const keys = assigned.all('validpgpkeys')
  const fingerprints = keys
    .map(each => each.replaceAll(' ', '').toUpperCase())
    .filter(each => /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(each))
  return {
    name,
    version: /^[0-9A-Za-z][0-9A-Za-z.+:_~-]{0,99}$/.test(version) ? version : 'unknown',
    fingerprints: [...new Set(fingerprints)],
    unknownKeys: keys.filter(each => each.includes('*')).length,
    addresses: signedAddresses(
      ['source', 'source_x86_64', 'source_any'].flatMap(each => assigned.all(each)).map(sourceOf),
    ),
  }
}

/** `name::url`, or an address alone. */
function sourceOf(word: string): TakenSource {
  const at = word.indexOf('::')
  return at < 0 ? { url: word } : { url: word.slice(at + 2), name: word.slice(0, at) }
}
