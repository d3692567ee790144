/**
 * Publishes a directory of attestations where a web server serves it (formats/publication.ts).
 * First files are written, then withdrawn ones are removed, then the lists are written, the index
 * last. What the old lists name can be read almost until the end, because files only grow at their
 * end. Running it again completes an interrupted run.
 */
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { withLock } from '../../files/lock.ts'
import { FileError } from '../../files/regular-file.ts'
import {
  ENVELOPES,
  GRAPH_LIST,
  parsePublishedName,
  SIGNATURE_SETS,
  type SignatureSet,
  setPrefix,
  splitExtension,
} from '../../formats/publication.ts'
import { printable } from '../../primitives/printable.ts'
import { listingsOf, readPublishedIndex, writeLists } from './lists.ts'
import { mergedFile } from './merged-file.ts'
import { fileOf, LOCK, publishedNames, readFile, readValid, removeLeftovers } from './tree.ts'

export interface PublishOptions {
  /** The directory of attestations to publish. */
  readonly from: string
  /** The publication, which has no other writer; made if it is absent. */
  readonly to: string
  /** Whether published files and lines that `from` does not have are withdrawn. */
  readonly prune: boolean
  /** Seconds since 1970. */
  readonly now: number
}

/** What happened to the files of a publication, and when it last changed. */
export interface Published {
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
  /** Seconds since 1970. */
  readonly published: number
}

/**
 * Publishes. Writes nothing unless all of `from` is valid, and nothing that is there already, so a
 * repeated run changes nothing. Throws FileError, which names the file, and whatever writing
 * throws.
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
  const targets = new Set<string>()
  for (const group of togetherIn(names)) {
    const nameIn = prune ? (name: string) => name : freeSet(group, options)
    for (const name of group) {
      targets.add(nameIn(name))
      counts[publishFile(name, nameIn(name), options)]++
    }
  }
  const listings = listingsOf(to, prune ? names : publishedNames(to))
  if (prune) for (const name of others) rmSync(fileOf(to, name))
  const published = writeLists(to, listings, { old, now })
  removeLeftovers(to, part => listings.has(part))
  const untouched = others.filter(name => !targets.has(name)).length
  const [removed, kept] = prune ? [others.length, 0] : [0, untouched]
  return { ...counts, removed, unchanged: counts.unchanged + kept, published }
}

/**
 * Groups the names of files that belong together: the signatures of one set; every other file by
 * itself.
 */
function togetherIn(names: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>()
  for (const name of names) {
    const { digest = '', extension = '' } = parsePublishedName(name) ?? {}
    const key = isSignature(extension) ? `${digest} ${splitExtension(extension).set}` : name
    groups.set(key, [...(groups.get(key) ?? []), name])
  }
  return [...groups.values()]
}

function isSignature(extension: string): boolean {
  return ![ENVELOPES, GRAPH_LIST, '.narinfo'].includes(extension)
}

/**
 * Maps signatures to their names in the publication: in the first set in which each is already
 * present or has room.
 */
function freeSet(group: readonly string[], { from, to }: PublishOptions): (name: string) => string {
  const inSet = (name: string, set: SignatureSet) => {
    const { digest = '', extension = '' } = parsePublishedName(name) ?? {}
    return isSignature(extension) ? `${digest}${setPrefix(set)}${splitExtension(extension).plain}` : name
  }
  const own = splitExtension(parsePublishedName(group[0] ?? '')?.extension ?? '').set
  const fits = (set: SignatureSet) =>
    group.every(name => {
      const present = readFile(fileOf(to, inSet(name, set)))
      return present === undefined || present.equals(readValid(from, name))
    })
  const set = [own, ...SIGNATURE_SETS].find(fits) ?? own
  return name => inSet(name, set)
}

/** Puts one file in its place, or adds what is new in it to the existing file. */
function publishFile(
  name: string,
  target: string,
  { from, to, prune }: PublishOptions,
): 'added' | 'changed' | 'unchanged' {
  const bytes = readValid(from, name)
  const file = fileOf(to, target)
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
