/** What a list says, in words. */
import type { Provenance, Tried } from '../formats/lists/listed.ts'
import { calledBy } from '../formats/lists/names.ts'
import type { BookPart } from '../lists/book/write.ts'
import { keyWords } from '../lists/keep/changes.ts'
import type { Contents } from '../lists/subscribe/contents.ts'
import { matchesGlob } from '../policy/match.ts'
import { when } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'

const SAYS = {
  vouched: 'vouched for by its keepers',
  extracted: 'extracted: a program collected it, and nobody vouches that a key is the right one',
} as const

/** How much there is of everything. */
export interface Counts {
  readonly principals: number
  readonly keys: number
  readonly groups: number
  readonly developers: number
  readonly corroborated: number
  readonly revocations: number
}

/** Counts over all parts. */
export function countsOf({ parts }: Contents): Counts {
  const sum = (count: (part: BookPart['document']) => number) =>
    parts.reduce((total, { document }) => total + count(document), 0)
  return {
    principals: sum(({ principals }) => principals.size),
    keys: sum(({ principals }) => [...principals.values()].reduce((all, { keys }) => all + keys.length, 0)),
    groups: sum(({ groups }) => groups.size),
    developers: sum(({ developers }) => developers.size),
    corroborated: sum(
      ({ developers }) => [...developers.values()].filter(entry => entry.standing === 'corroborated').length,
    ),
    revocations: sum(({ revocations }) => revocations.length),
  }
}

/** What it calls itself, what it says, and how much. */
export function sayContents(terminal: Terminal, name: string, contents: Contents): void {
  const [{ document }] = contents.parts
  const counts = countsOf(contents)
  const about = document.about === undefined ? '' : `: ${printable(document.about, 300)}`
  terminal.print(`${terminal.strong(name)}, which calls itself ${printable(document.name)}${about}`)
  terminal.print(`  ${SAYS[document.says]}`)
  const corroborated = document.says === 'extracted' ? ` (${counts.corroborated} corroborated)` : ''
  terminal.print(
    `  ${counted(counts.principals, 'principal')} with ${counted(counts.keys, 'key')}, ${counted(counts.groups, 'group')}, developers of ${counted(counts.developers, 'entry', 'entries')}${corroborated}, ${counted(counts.revocations, 'revocation')}`,
  )
  for (const { team, document: part } of contents.parts.slice(1))
    terminal.print(
      `  team ${printable(team ?? '')}: ${counted(part.principals.size, 'principal')}, developers of ${counted(part.developers.size, 'entry', 'entries')}`,
    )
  for (const [team, why] of contents.lapsed)
    terminal.print(`  team ${printable(team)} counts for nothing: ${printable(why, 300)}`)
}

/** An entry, or somebody, that a name or the name of a source means. Raw. */
export interface Shown {
  /** As the subscriber calls it. */
  readonly name: string
  readonly kind: 'principal' | 'group' | 'developers'
  readonly about?: string
  readonly keys?: readonly string[]
  readonly members?: readonly string[]
  readonly threshold?: number
  readonly names?: readonly string[]
  readonly urls?: readonly string[]
  readonly by?: readonly string[]
  readonly standing?: 'corroborated' | 'seen'
  readonly provenance?: readonly Provenance[]
  readonly tried?: readonly Tried[]
  /** Why it counts no more, and since when (seconds since 1970). */
  readonly revoked?: { readonly date: number; readonly reason: string }
}

/** The most that is found for one text. */
const FOUND_LIMIT = 100

/**
 * What a text means in a list: somebody or an entry by name, with or without the list's prefix; or
 * the entries about a source with this name, and those whom they name.
 */
export function findShown(list: string, { parts }: Contents, text: string): readonly Shown[] {
  const plain = text.startsWith(`${list}/`) ? text.slice(list.length + 1) : text
  const named = parts.flatMap(part => shownOf(list, part).filter(({ name }) => name === `${list}/${plain}`))
  if (named.length > 0) return named
  return parts
    .flatMap(part => {
      const all = shownOf(list, part)
      const entries = all.filter(({ kind, names }) => kind === 'developers' && isAbout(names, text))
      const whom = new Set(entries.flatMap(({ by = [] }) => by))
      return [...entries, ...all.filter(({ kind, name }) => kind !== 'developers' && whom.has(name))]
    })
    .slice(0, FOUND_LIMIT)
}

function isAbout(names: readonly string[] | undefined, source: string): boolean {
  return (names ?? []).some(glob => matchesGlob(glob, source))
}

function shownOf(list: string, { document, team }: BookPart): readonly Shown[] {
  const called = calledBy(list, team)
  const revoked = (name: string) => {
    const found = document.revocations.find(
      ({ target }) => 'principal' in target && target.principal === name,
    )
    return found && { revoked: { date: found.date, reason: found.reason } }
  }
  return [
    ...[...document.principals].map(
      ([name, { about, keys }]): Shown => ({
        name: called(name),
        kind: 'principal',
        ...(about !== undefined && { about }),
        keys: keys.map(keyWords),
        ...revoked(name),
      }),
    ),
    ...[...document.groups].map(
      ([name, { members, threshold }]): Shown => ({
        name: called(name),
        kind: 'group',
        members: members.map(called),
        threshold,
      }),
    ),
    ...[...document.developers].map(
      ([name, { by, ...entry }]): Shown => ({
        name: called(name),
        kind: 'developers',
        ...entry,
        by: by.map(called),
      }),
    ),
  ]
}

/** Everything that the list says of it, in lines. */
export function shownLines(shown: Shown): readonly string[] {
  const { keys = [], members, threshold, names, urls, by, standing, provenance = [], tried = [] } = shown
  const lines = [`${shown.kind} ${printable(shown.name, 200)}`]
  const add = (text: string) => lines.push(`  ${printable(text, 1000)}`)
  if (shown.about !== undefined) add(`claims to be ${shown.about}`)
  for (const key of keys) add(`key ${key}`)
  if (members !== undefined) add(`${threshold ?? 1} of ${members.join(', ')}`)
  if (names !== undefined) add(`sources ${names.join(', ')}`)
  if (urls !== undefined) add(urls.length === 0 ? 'from any address' : `from ${urls.join(', ')}`)
  if (by !== undefined) add(`signed by ${threshold ?? 1} of ${by.join(', ')}`)
  if (standing !== undefined) add(STANDING[standing])
  for (const one of provenance) {
    const key = one.archiveKey === undefined ? '' : `, which the key ${one.archiveKey} vouches for`
    add(`read on ${one.date} from ${one.distribution}'s ${one.package} ${one.version}${key}`)
  }
  for (const one of tried) add(`tried on ${one.date} with ${one.file}: ${one.result}`)
  if (shown.revoked !== undefined) add(`revoked from ${when(shown.revoked.date)} on: ${shown.revoked.reason}`)
  return lines
}

const STANDING = {
  corroborated: 'corroborated: two independent distributions have it',
  seen: 'seen: one distribution has it',
} as const
