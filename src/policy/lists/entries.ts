/** Which entries name the developers of a source. */
import { matchesGlob } from '../match.ts'
import type { Policy } from '../policy.ts'
import type { DevelopersEntry, ListInForce, NamedSource } from './book.ts'
import { isNameOf } from './names.ts'

/** How many entries of one list count for one source. Real lists have one or two. */
export const ENTRY_LIMIT = 64
/** How many people one entry may name. */
const BY_LIMIT = 64

/** The entries that count for a source, and the lists that were asked about it. */
export interface MatchingEntries {
  readonly entries: readonly DevelopersEntry[]
  /** Empty if the user's own entries decide. */
  readonly asked: readonly string[]
}

/**
 * The entries for a source. The user's own decide where one matches; otherwise every list in
 * `lists` is asked, and each matching entry of any of them counts. `lists` are those that may name
 * developers of it. Where the addresses are not known, everybody who may be one of them is. Calls
 * `fails` for a list whose book cannot be read.
 */
export function entriesFor(
  developers: Policy['developers'],
  lists: readonly ListInForce[],
  source: NamedSource,
  fails: (list: string, error: Error) => void,
): MatchingEntries {
  const own = developers.filter(entry => matchesEntry(entry, source))
  const decides = own.some(({ urls }) => source.urls !== 'any' || urls.length === 0)
  if (decides) return { entries: own, asked: [] }
  const entries = lists.flatMap(list => {
    try {
      return entriesOfList(list, source)
    } catch (error) {
      fails(list.name, error as Error)
      return []
    }
  })
  return { entries: [...own, ...entries], asked: lists.map(({ name }) => name) }
}

/**
 * Whether an entry is about a source: one of its globs for names matches and, if it has any for
 * addresses, one of those matches one of the source's addresses.
 */
export function matchesEntry(
  { names, urls }: Pick<DevelopersEntry, 'names' | 'urls'>,
  source: NamedSource,
): boolean {
  if (!names.some(glob => matchesGlob(glob, source.name))) return false
  if (urls.length === 0 || source.urls === 'any') return true
  const { urls: stated } = source
  return urls.some(glob => stated.some(url => matchesGlob(glob, url)))
}

/** What a list says is checked once more: it names its own people alone. */
function entriesOfList({ name, book, corroborated }: ListInForce, source: NamedSource) {
  if ('problem' in book) return []
  return (
    book
      .developersOf(source)
      .filter(entry => matchesEntry(entry, source))
      .filter(({ standing }) => !corroborated || standing === 'corroborated')
      .filter(({ by, threshold }) => by.length > 0 && by.length <= BY_LIMIT && isThreshold(threshold))
      .filter(({ by }) => by.every(who => isNameOf(name, who)))
      // One more tells that there may be others.
      .slice(0, source.urls === 'any' ? ENTRY_LIMIT + 1 : ENTRY_LIMIT)
  )
}

/** Whether a number can be a threshold: with 0 nobody would be needed. */
export function isThreshold(threshold: number): boolean {
  return Number.isInteger(threshold) && threshold >= 1
}
