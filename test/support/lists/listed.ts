/** A list's changes in a test, and a subscriber who takes them in. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBook } from '../../../src/lists/book/read.ts'
import { readDocument, writeDocument } from '../../../src/lists/keep/draft.ts'
import { setEntry } from '../../../src/lists/keep/edit.ts'
import { listPlace, makeListPlace, tufPlace } from '../../../src/lists/subscribe/places.ts'
import {
  type Proposal,
  type Updated,
  type Updating,
  updateList,
} from '../../../src/lists/subscribe/update.ts'
import { directorySource, type TufSource } from '../../../src/lists/tuf/source.ts'
import { openTufStore } from '../../../src/lists/tuf/store.ts'
import { beginTrust } from '../../../src/lists/tuf/update.ts'
import type { Book } from '../../../src/policy/lists/book.ts'
import { numberedKey } from './documents.ts'
import { type Kept, keeper, withKept } from './keeping.ts'
import { publishBy } from './subscribing.ts'

export const BOTH = ['alice', 'bob']

export interface Taker {
  readonly directory: string
  /** Served instead of what was published; null: it is not there. */
  readonly served: Map<string, Uint8Array | null>
  readonly source: TufSource
  /** What was asked about, in order. */
  readonly asked: Proposal[]
  update(changed?: Partial<Updating>): Promise<Updated>
  book(): Book
}

/** A list of three keepers with one developer, dora, of libmd; and a subscriber who took it in. */
export function withTaker(use: (taker: Taker, kept: Kept) => Promise<void>): Promise<void> {
  return withKept(['alice', 'bob', 'carol'], 2, async kept => {
    kept.add('dora', 1)
    developers(kept, 'libmd', ['libmd-*'], ['dora'])
    await publishBy(kept, ...BOTH)
    const state = mkdtempSync(join(tmpdir(), 'nixsig-taker-'))
    chmodSync(state, 0o755)
    const directory = listPlace(state, 'ex')
    const served = new Map<string, Uint8Array | null>()
    const published = directorySource(kept.out)
    const source: TufSource = {
      read: async (path, limit) => {
        const other = served.get(path)
        return other === null ? undefined : (other ?? published.read(path, limit))
      },
    }
    const asked: Proposal[] = []
    const update = (changed: Partial<Updating> = {}) =>
      updateList({
        name: 'ex',
        url: kept.out,
        directory,
        source,
        mode: 'ask',
        revocations: 'at-once',
        now: kept.now,
        agree: async proposal => {
          asked.push(proposal)
          return true
        },
        ...changed,
      })
    try {
      makeListPlace(directory)
      await beginTrust(openTufStore(tufPlace(directory)), source, { keys: BOTH.map(name => keeper(name).id) })
      await update()
      asked.length = 0
      await use(
        { directory, served, source, asked, update, book: () => openBook(join(directory, 'book'), 'ex') },
        kept,
      )
    } finally {
      rmSync(state, { recursive: true, force: true })
    }
  })
}

/** Sets who signs sources with these names. */
export function developers(kept: Kept, name: string, names: readonly string[], by: readonly string[]): void {
  const entry = { names, urls: [], by, threshold: 1, provenance: [], tried: [] }
  writeDocument(kept.dir, undefined, setEntry(readDocument(kept.dir, undefined), 'developers', name, entry))
}

/** Says that a principal counts no more. */
export function revoke(kept: Kept, principal: string): void {
  const document = readDocument(kept.dir, undefined)
  const revocation = { target: { principal }, date: kept.now, reason: 'laptop stolen' }
  writeDocument(kept.dir, undefined, { ...document, revocations: [...document.revocations, revocation] })
}

/** Gives a principal other keys, made of numbers. */
export function rekey(kept: Kept, principal: string, ...numbers: readonly number[]): void {
  const keys = numbers.map(number => ({ key: numberedKey(number) }))
  const document = readDocument(kept.dir, undefined)
  writeDocument(kept.dir, undefined, setEntry(document, 'principals', principal, { keys }))
}
