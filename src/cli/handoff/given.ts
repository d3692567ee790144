import { pathToFileURL } from 'node:url'
import type { StorePath } from '../../formats/nix/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import { type GitArgument, gitArgument } from '../attest/git-revision.ts'
import { UsageError } from '../usage-error.ts'

/** A signature that the caller named. */
export interface GivenSignature {
  /** Store path or name of the source that it is for. */
  readonly source: string
  /** URLs of the signature and, where it is over one, of the list of checksums. */
  readonly signature: string
  readonly list?: string
}

/** A signed git revision that the caller named for a source. */
export interface GivenRevision extends GitArgument {
  readonly source: string
}

/** Reads `SOURCE=REPOSITORY#TAG` options. Throws UsageError for what is not of that form. */
export function givenRevisions(texts: readonly string[]): readonly GivenRevision[] {
  return texts.map(text => {
    const [source, place] = split('git', text)
    return { source, ...gitArgument(place) }
  })
}

/**
 * Reads `SOURCE=FILE-OR-URL` options, signatures and lists. Throws UsageError for what is not of that form, and for a
 * list without a signature.
 */
export function givenSignatures(
  signatures: readonly string[],
  lists: readonly string[],
): readonly GivenSignature[] {
  const pairs = lists.map(text => pairOf('checksums', text))
  const listOf = new Map(pairs)
  if (listOf.size < pairs.length) throw new UsageError('--checksums: one list for each source')
  const given = signatures.map(text => {
    const [source, signature] = pairOf('signature', text)
    const list = listOf.get(source)
    return { source, signature, ...(list === undefined ? {} : { list }) }
  })
  const lone = [...listOf.keys()].find(source => !given.some(each => each.source === source))
  if (lone !== undefined) {
    throw new UsageError(`--checksums ${printable(lone)}=… needs a --signature ${printable(lone)}=… over it`)
  }
  return given
}

/**
 * Makes sure that each thing that was given is about just one of these sources, and that nobody gave two ways to check
 * one. Throws UsageError.
 */
export function assertAbout(
  sources: readonly StorePath[],
  signatures: readonly GivenSignature[],
  revisions: readonly GivenRevision[],
): void {
  const bySignature = new Set(signatures.map(given => meantBy(given, sources)))
  const byRevision = revisions.map(given => meantBy(given, sources))
  const both = byRevision.find((path, index) => bySignature.has(path) || byRevision.indexOf(path) < index)
  if (both !== undefined) throw new UsageError(`${both}: give one --git, or --signature, and not both`)
}

/** The store path of the source that is meant. */
function meantBy({ source }: { readonly source: string }, sources: readonly StorePath[]): string {
  const meant = sources.filter(({ path, name }) => source === path || source === name)
  const [one, another] = meant
  if (one === undefined) throw new UsageError(`${printable(source)} is no source of this derivation`)
  if (another === undefined) return one.path
  const paths = meant.map(({ path }) => path).join(', ')
  throw new UsageError(`${printable(source)} is the name of several sources: give the path of one (${paths})`)
}

function pairOf(option: string, text: string): readonly [source: string, url: string] {
  const [source, place] = split(option, text)
  if (/^(?:https?|file):\/\//.test(place) && URL.canParse(place)) return [source, place]
  return [source, pathToFileURL(place).href]
}

function split(option: string, text: string): readonly [source: string, place: string] {
  const at = text.indexOf('=')
  const [source, place] = [text.slice(0, at), text.slice(at + 1)]
  if (at > 0 && place !== '') return [source, place]
  throw new UsageError(
    `--${option} ${printable(text)}: give it as SOURCE=PLACE, SOURCE being a name or store path`,
  )
}
