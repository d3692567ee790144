/**
 * Arguments that name developers' signatures: git revisions, and signatures for certain sources.
 */
import { pathToFileURL } from 'node:url'
import type { GitPlace } from '../packaging/attest/git-signature.ts'
import type { NamedRevision, NamedSignature } from '../packaging/handoff/named-signatures.ts'
import { printable } from '../primitives/printable.ts'
import { UsageError } from './usage-error.ts'

/** Reads `REPOSITORY#TAG`, or `#` and the whole id of a commit. Throws UsageError. */
export function gitArgument(text: string): GitPlace {
  const at = text.lastIndexOf('#')
  const [repository, name] = [text.slice(0, at), text.slice(at + 1)]
  if (at < 1 || name === '') {
    throw new UsageError(`${printable(text)}: give it as REPOSITORY#TAG, or with the whole id of a commit`)
  }
  const isCommit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)
  return { repository, revision: isCommit ? { commit: name } : { tag: name } }
}

/** Reads `SOURCE=REPOSITORY#TAG` options. Throws UsageError for what is not of that form. */
export function namedRevisions(texts: readonly string[]): readonly NamedRevision[] {
  return texts.map(text => {
    const [source, place] = split('git', text)
    return { source, ...gitArgument(place) }
  })
}

/**
 * Reads `SOURCE=FILE-OR-URL` options, signatures and lists. Throws UsageError for what is not of
 * that form, and for a list without a signature.
 */
export function namedSignatures(
  signatures: readonly string[],
  lists: readonly string[],
): readonly NamedSignature[] {
  const pairs = lists.map(text => pairOf('checksums', text))
  const listOf = new Map(pairs)
  if (listOf.size < pairs.length) throw new UsageError('--checksums: one list for each source')
  const named = signatures.map(text => {
    const [source, signature] = pairOf('signature', text)
    const list = listOf.get(source)
    return { source, signature, ...(list === undefined ? {} : { list }) }
  })
  const lone = [...listOf.keys()].find(source => !named.some(each => each.source === source))
  if (lone !== undefined) {
    throw new UsageError(`--checksums ${printable(lone)}=… needs a --signature ${printable(lone)}=… over it`)
  }
  return named
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
