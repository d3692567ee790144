/**
 * Takes a list in: from what its keepers publish to the book that judges read. Whoever calls holds
 * the list's lock. If it is interrupted anywhere, the old book or the new one is whole, and the next
 * update goes on.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { printTimestamp } from '../../formats/timestamp.ts'
import type { Book, ListUpdates } from '../../policy/lists/book.ts'
import type { Instant } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { openBook } from '../book/read.ts'
import { digestOfBook, writeBook } from '../book/write.ts'
import type { TufSource } from '../tuf/source.ts'
import { openTufStore, type TufStore } from '../tuf/store.ts'
import { type Candidate, type KeptList, readInForce, readNewest } from '../tuf/update.ts'
import { type Contents, contentsOf, isUnreadable, revocationsIn } from './contents.ts'
import { differenceOf, type ListDifference } from './difference.ts'
import { bookHere, inForceOf, type ListHere, seenBy, settle } from './in-force.ts'
import { nextSubscribe } from './next-subscribe.ts'
import { makeListPlace, nextPlace, tufPlace } from './places.ts'
import { beforeOf, forgetTaken, type Revoked, revokedBy, withRevoked } from './taken.ts'

/** What is asked about before it takes effect. */
export interface Proposal {
  readonly difference: ListDifference
  /** The list as it would be. */
  readonly contents: Contents
  /** Its book, for those who want to know what falls under it. */
  readonly book: Book
  readonly ends: Instant
  /**
   * Whether nothing is new but revocations, which are taken at once: then there is nothing to agree
   * to, and it is taken whatever the answer unless the list is pinned.
   */
  readonly isSettled: boolean
  /** Whether its keepers have withdrawn the keys that signed the state in force. */
  readonly isWithdrawn: boolean
}

/** How a list is updated. */
export interface Updating extends ListUpdates, ListHere {
  readonly source: TufSource
  readonly now: Instant
  /**
   * Shows what would change, and says whether it is taken. In the mode `ask` it may ask; in the
   * others its answer does not matter. Revocations that are taken at once are in the book already.
   */
  readonly agree: (proposal: Proposal) => Promise<boolean>
}

/** What became of an update. */
export type Updated =
  /** `changed`: the book says something else than before. */
  | {
      readonly kind: 'taken'
      readonly difference: ListDifference
      readonly changed: boolean
      readonly ends: Instant
    }
  /** It was the newest already, in everything that counts. */
  | { readonly kind: 'newest'; readonly version: number; readonly ends: Instant }
  /** It waits for somebody to agree; `revoked`: new revocations were taken all the same. */
  | {
      readonly kind: 'waits'
      readonly difference: ListDifference
      readonly revoked: boolean
      readonly ends: Instant
    }
  /** Nothing newer could be read; `changed` as above. */
  | { readonly kind: 'failed'; readonly problem: string; readonly changed: boolean }

/** A clock that is this much later than it was at the last update is not taken for a fault. */
const TOLERANCE = 3600

/**
 * Updates once. Throws FileError and errors of the system where its directories are not safe or
 * cannot be written.
 */
export async function updateList(updating: Updating): Promise<Updated> {
  // No book has a time before 1970.
  const asked = { ...updating, now: Math.max(updating.now, 0) }
  makeListPlace(asked.directory)
  rmSync(nextPlace(asked.directory), { recursive: true, force: true })
  const store = openTufStore(tufPlace(asked.directory))
  if (store.fingerprint() === undefined) {
    const problem = `it was never subscribed to here; next: ${nextSubscribe(asked)}`
    return { kind: 'failed', problem, changed: false }
  }
  const { state: accepted, contents } = await inForceOf(store)
  let candidate: Candidate | undefined
  let after: Contents
  let digest: string
  try {
    candidate = await readNewest(store, asked.source, asked.now)
    after = await contentsOf(candidate)
    // Throws for what a book cannot say.
    digest = digestOfBook({ name: asked.name, parts: after.parts })
  } catch (error) {
    if (!isUnreadable(error)) throw error
    const changed = await settle(asked, store, { revoked: await revokedAllTheSame(asked, candidate) })
    const all = changed && candidate !== undefined ? '; its new revocations were taken all the same' : ''
    const problem = `${printable(error.message, 1000)}${all}${clockRemark(store, asked)}`
    return { kind: 'failed', problem, changed }
  }
  const before = contents && beforeOf(asked.directory, contents, after)
  return decide(asked, { store, accepted, before, candidate, after, digest })
}

/**
 * Revocations of a state that cannot be taken otherwise: whoever withholds a part of it withholds
 * them no more.
 */
async function revokedAllTheSame(asked: Updating, candidate: Candidate | undefined): Promise<Revoked> {
  if (candidate === undefined || asked.revocations !== 'at-once') return new Map()
  return revocationsIn(candidate)
}

interface Found {
  readonly store: TufStore
  readonly accepted: KeptList | undefined
  /** As beforeOf has it. */
  readonly before: Contents | undefined
  readonly candidate: Candidate
  readonly after: Contents
  /** Of the book that says it. */
  readonly digest: string
}

async function decide(asked: Updating, found: Found): Promise<Updated> {
  const { accepted, before, candidate, after, digest } = found
  const { name, mode } = asked
  const digestOf = ({ parts }: Contents) => digestOfBook({ name, parts })
  const isNew = before === undefined || digestOf(before) !== digest
  if (!isNew) {
    const changed = take(asked, found)
    const { ends } = candidate
    if (changed) return { kind: 'taken', difference: differenceOf(name, before, after), changed, ends }
    return { kind: 'newest', version: after.version, ends }
  }
  const difference = differenceOf(name, before, after)
  let revoked = false
  if (mode !== 'auto') {
    candidate.postpone(accepted)
    revoked = await settle(asked, found.store, { seen: asked.now })
  }
  // Roots that were new to this update may have withdrawn them.
  const isWithdrawn = (await readInForce(found.store))?.isWithdrawn ?? false
  const isSettled =
    asked.revocations === 'at-once' &&
    !isWithdrawn &&
    before !== undefined &&
    digestOf(withRevoked(before, revokedBy(after))) === digest
  const proposal = {
    difference,
    contents: after,
    book: bookBeside(asked, after, candidate.ends),
    ends: candidate.ends,
    isSettled,
    isWithdrawn,
  }
  const agreed = await asked.agree(proposal)
  rmSync(nextPlace(asked.directory), { recursive: true, force: true })
  if (mode === 'auto' || (mode === 'ask' && (agreed || isSettled))) {
    const changed = take(asked, found) || revoked
    return { kind: 'taken', difference, changed, ends: candidate.ends }
  }
  return { kind: 'waits', difference, revoked, ends: bookHere(asked)?.ends ?? candidate.ends }
}

/** Accepts the newest state and writes its book. True if the book says something else than before. */
function take(asked: Updating, { candidate, after }: Found): boolean {
  const { name, directory, now } = asked
  const old = bookHere(asked)?.digest
  // First that it was accepted: whoever goes on from here does not ask again.
  candidate.accept()
  forgetTaken(directory)
  return (
    old !==
    writeBook(directory, {
      name,
      parts: after.parts,
      version: after.version,
      ends: candidate.ends,
      seen: now,
    })
  )
}

/** The book of a state that is being looked at, written beside the one in force. */
function bookBeside({ name, directory, now }: Updating, { parts, version }: Contents, ends: Instant): Book {
  const next = nextPlace(directory)
  makeListPlace(next)
  writeBook(next, { name, parts, version, ends, seen: now })
  return openBook(join(next, 'book'), name)
}

/** Whether a clock that was ahead keeps updates out, and what mends that. */
function clockRemark(store: TufStore, { name, now }: Updating): string {
  const seen = seenBy(store)
  if (seen <= now + TOLERANCE) return ''
  return `; this machine's clock said ${printTimestamp(seen)} at an earlier update, and now it is ${printTimestamp(now)}; next: if it was ahead then, nixsig trust update ${name} --clock-was-ahead`
}

/**
 * Forgets the latest time that was seen, because the clock was ahead then. No version goes back by
 * that. Throws FileError.
 */
export function setClockBack(directory: string, now: Instant): void {
  const store = openTufStore(tufPlace(directory))
  store.keepFloor(store.floor().setBack(now))
}
