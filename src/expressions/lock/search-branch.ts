/**
 * The newest commit of a branch that the right people signed, and whether it comes after the one
 * that is locked. Of a branch elsewhere more and more commits are fetched, until both are known.
 */
import { FileError } from '../../files/regular-file.ts'
import type { GitPin } from '../../formats/locks/locked-input.ts'
import { mirrorBranch, mirrorHistory } from '../../git/mirror.ts'
import { type OpenRepository, openRepository } from '../../git/open-repository.ts'
import type { Instant, Policy } from '../../policy/policy.ts'
import { type Nearest, nearestTrusted } from '../nearest.ts'
import { ancestry, type Order } from './ancestry.ts'
import { placeOf, type Repositories, type RepositoryPlaces } from './repositories.ts'

/** Commits of a branch that are fetched, and looked at, by default: a few months of nixpkgs. */
export const DEPTH = 50_000
/** How many are fetched first, and how many times as many each time that these are too few. */
const FIRST = 500
const FACTOR = 10

/** Who must have signed, and where the commits are. */
export interface BranchQuestion {
  readonly policy: Policy
  readonly now: Instant
  readonly places: RepositoryPlaces
  /** The most commits, one after another, that are fetched. */
  readonly depth: number
  /** Whether the input may move to a commit before the locked one, or to one that may be. */
  readonly allowOlder: boolean
}

/** A branch, and what the lock has of it. */
export interface BranchSearch {
  readonly question: BranchQuestion
  readonly pin: GitPin
  /** Undefined for the branch that the server has checked out. */
  readonly branch: string | undefined
  readonly repositories: Repositories
}

/** What was found, and the repository with the history, which has to be closed. */
export interface FoundOnBranch {
  readonly history: OpenRepository
  readonly head: string
  readonly nearest: Nearest
  /** Of what was found, as compared with what is locked; newer if both are one commit. */
  readonly order: Order
}

/** Searches a branch. Throws FileError and FormatError. */
export async function searchBranch(search: BranchSearch): Promise<FoundOnBranch> {
  const { question, pin } = search
  const place = placeOf(question.places, pin.url)
  if (place !== undefined) return searchIn(search, await openLocal(place, search.branch), 'all')
  for (let depth = Math.min(FIRST, question.depth); ; depth = Math.min(depth * FACTOR, question.depth)) {
    const { repository, head } = await mirrorBranch(question.places.mirrors, pin.from, {
      branch: search.branch,
      depth,
    })
    const found = await searchIn(search, { history: repository, head }, depth)
    const isEnd = depth === question.depth || repository.shallow.size === 0
    if (isEnd || isSettled(search, found)) return found
    repository.close()
  }
}

interface Branch {
  readonly history: OpenRepository
  readonly head: string
}

async function searchIn(
  { question, pin, repositories }: BranchSearch,
  { history, head }: Branch,
  depth: number | 'all',
): Promise<FoundOnBranch> {
  const { policy, now, places, allowOlder } = question
  const { url, from, commit: locked = '' } = pin
  try {
    const holding = depth === 'all' ? {} : { holding: (id: string) => repositories.holding(url, from, id) }
    // A server that keeps newer commits back must not have the lock moved to an older one, so the
    // locked one is asked for by its id if the branch does not have it.
    const orderOf = async (commit: string): Promise<Order> => {
      const order = await ancestry(history, locked, commit)
      const isFetched = order === 'unknown' && locked !== '' && depth !== 'all'
      return isFetched && (await hasHistory(places, pin, depth)) ? ancestry(history, locked, commit) : order
    }
    const asked = { repository: history, url, commit: head, ...holding }
    // What comes after the locked one is looked at first: a merge may have brought in a newer one from
    // elsewhere.
    if (locked !== '' && !allowOlder && (await orderOf(head)) === 'newer') {
      const nearest = await nearestTrusted(policy, { ...asked, until: locked }, now)
      if (nearest.found !== undefined) return { history, head, nearest, order: 'newer' }
    }
    const nearest = await nearestTrusted(policy, asked, now)
    const commit = nearest.found?.commit
    if (commit === undefined) return { history, head, nearest, order: 'unknown' }
    const order = commit === locked ? 'newer' : await orderOf(commit)
    return { history, head, nearest, order }
  } catch (error) {
    history.close()
    throw error
  }
}

function isSettled({ question, pin }: BranchSearch, { nearest, order }: FoundOnBranch): boolean {
  if (nearest.found === undefined) return false
  return order !== 'unknown' || pin.commit === undefined || question.allowOlder
}

async function hasHistory(places: RepositoryPlaces, pin: GitPin, depth: number): Promise<boolean> {
  try {
    await mirrorHistory(places.mirrors, pin.from, pin.commit ?? '', depth)
    return true
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

async function openLocal(place: string, branch: string | undefined): Promise<Branch> {
  const history = openRepository(place)
  try {
    const head = await history.resolve(branch === undefined ? 'HEAD' : `refs/heads/${branch}`)
    return { history, head }
  } catch (error) {
    history.close()
    throw error
  }
}
