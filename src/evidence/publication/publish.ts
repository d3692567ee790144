/**
 * Putting a directory of attestations where a server hands it out (formats/publication.ts). Files come first, then what
 * is withdrawn goes, then come the lists, the first of them last: what was listed can be read nearly to the end, because
 * files grow at theirs. What was interrupted is finished by doing it again.
 */
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { withLock } from '../../files/lock.ts'
import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import { listingsOf, readPublishedIndex, writeLists } from './lists.ts'
import { mergedFile } from './merged-file.ts'
import { fileOf, LOCK, publishedNames, readFile, readValid, removeLeftovers } from './tree.ts'

export interface PublishOptions {
  /** Directory of attestations to publish. */
  readonly from: string
  /** The publication, which nobody else writes: made if it is not there. */
  readonly to: string
  /** Whether what was published and is not in `from` (any longer) is withdrawn. */
  readonly prune: boolean
  /** Seconds since 1970. */
  readonly now: number
}

/** What became of the files of a publication, and since when it is as it is. */
export interface Published {
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
  /** Seconds since 1970. */
  readonly published: number
}

/**
 * Publishes. Nothing is written unless all of `from` is in order, and nothing that is there already: doing it again
 * changes nothing. Throws FileError, which names the file, and what writing throws.
 */
export async function publish(options: PublishOptions): Promise<Published> {
  const { from, to } = options
  const names = publishedNames(from)
  for (const name of names) readValid(from, name)
  mkdirSync(to, { recursive: true, mode: 0o755 })
  if (!lstatSync(to).isDirectory()) throw new FileError(`${printable(to)} is not a directory`)
  return withLock(join(to, LOCK), async () => publishLocked(names, options))
}

function publishLocked(names: readonly string[], options: PublishOptions): Published {
  const { to, prune, now } = options
  const old = readPublishedIndex(to)
  const isNamed = new Set(names)
  const others = publishedNames(to).filter(name => !isNamed.has(name))
  if (!prune) for (const name of others) readValid(to, name)

  const counts = { added: 0, changed: 0, unchanged: 0 }
  for (const name of names) counts[publishFile(name, options)]++
  const listings = listingsOf(to, prune ? names : [...names, ...others])
  if (prune) for (const name of others) rmSync(fileOf(to, name))
  const published = writeLists(to, listings, { old, now })
  removeLeftovers(to, part => listings.has(part))
  const [removed, kept] = prune ? [others.length, 0] : [0, others.length]
  return { ...counts, removed, unchanged: counts.unchanged + kept, published }
}

/** Puts one file in its place, or adds what is new in it to the file that is there. */
function publishFile(name: string, { from, to, prune }: PublishOptions): 'added' | 'changed' | 'unchanged' {
  const bytes = readValid(from, name)
  const file = fileOf(to, name)
  const present = readFile(file)
  const next = present === undefined || prune ? bytes : mergedFile(name, present, bytes)
  if (next === undefined) {
    throw new FileError(`${printable(file)} is another one than is to be published: --prune would replace it`)
  }
  if (present?.equals(next)) return 'unchanged'
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
  writeDurably(file, next, { flush: true, mode: 0o644 })
  return present === undefined ? 'added' : 'changed'
}
