/**
 * What a subscriber keeps of a list below `<state>/lists/NAME/tuf`. It is itself a repository, with
 * the state that was accepted last, so that one verifier reads it; and what must outlive it:
 *
 *     metadata/, targets/     as they were published; timestamp.json is written last
 *     waiting/metadata/       of a newer state that was not accepted yet; its targets are in targets/
 *     floor                   what was seen: see floor.ts
 *
 * Its directories are guarded already, and whoever writes holds the list's lock.
 */
import { readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { FileError } from '../../files/regular-file.ts'
import { removeFile } from '../../files/remove-file.ts'
import { METADATA_LIMITS } from '../../formats/lists/tuf-metadata.ts'
import type { TufRoot } from '../../formats/lists/tuf-signed.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { FLOOR_LIMIT, Floor, parseFloor } from './floor.ts'
import { ROOT_LIMIT, readFirstRoot, readNextRoot } from './root-chain.ts'
import type { TufSource } from './source.ts'

/** What prune leaves. */
const STAYS = /^(?:floor|metadata\/\d{1,3}\.root\.json)$/

/** Where the metadata of a state that waits lies. */
const WAITING = 'waiting'

export interface TufStore {
  /** The accepted state, as a source. Reads only what root or this user could have written. */
  readonly source: TufSource
  /** The state that waits, as a source. */
  readonly waiting: TufSource
  /** The newest root, from the first one on; undefined before the first subscription. */
  readonly root: () => TufRoot | undefined
  /** All roots from the newest to the first. */
  readonly roots: () => readonly TufRoot[]
  /** The file of one version of root, as it was published. */
  readonly rootFile: (version: number) => Uint8Array | undefined
  /** SHA-256, lower-case hex, of the first root's file. */
  readonly fingerprint: () => string | undefined
  readonly floor: () => Floor
  readonly keepRoot: (version: number, bytes: Uint8Array) => void
  readonly keepFloor: (floor: Floor) => void
  /** Writes a target, which need not survive a power failure: it is verified when it is read. */
  readonly keepTarget: (path: string, bytes: Uint8Array) => void
  /** Writes metadata by name, in this order, each whole and on the disk before the next. */
  readonly keepMetadata: (files: ReadonlyMap<string, Uint8Array>) => void
  /** The same for the state that waits. */
  readonly keepWaiting: (files: ReadonlyMap<string, Uint8Array>) => void
  /** Removes all files but these paths, the roots and the floor. */
  readonly prune: (paths: ReadonlySet<string>) => void
}

/** Opens the directory, which need not be there yet. */
export function openTufStore(directory: string): TufStore {
  const read = (path: string, limit: number) => readOwnedFile(join(directory, path), limit)
  const write = (path: string, bytes: Uint8Array | string) =>
    writeDurably(join(directory, path), bytes, { flush: true })
  const rootFile = (version: number) => read(rootName(version), METADATA_LIMITS.root)
  const roots = () => rootsOf(directory, rootFile)
  return {
    source: { read: async (path, limit) => read(path, limit) },
    waiting: {
      read: async (path, limit) => read(path.startsWith('metadata/') ? `${WAITING}/${path}` : path, limit),
    },
    root: () => roots()[0],
    roots,
    rootFile,
    fingerprint: () => {
      const first = rootFile(1)
      return first && toHex(sha256(first))
    },
    floor: () => {
      const bytes = read('floor', FLOOR_LIMIT)
      if (bytes !== undefined) return readingKept(directory, 'floor', () => parseFloor(bytes))
      // It is written before any state is: without it, somebody could go back.
      if (read('metadata/timestamp.json', METADATA_LIMITS.timestamp) === undefined) return new Floor()
      throw lost(directory, 'floor', 'is not there, although the list was updated before')
    },
    keepRoot: (version, bytes) => write(rootName(version), bytes),
    keepFloor: floor => write('floor', floor.print()),
    keepTarget: (path, bytes) => writeDurably(join(directory, path), bytes, { flush: false }),
    keepMetadata: files => {
      for (const [name, bytes] of files) write(`metadata/${name}`, bytes)
    },
    keepWaiting: files => {
      for (const [name, bytes] of files) write(`${WAITING}/metadata/${name}`, bytes)
    },
    prune: paths => {
      for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
        if (entry.isDirectory()) continue
        const file = join(entry.parentPath, entry.name)
        const path = relative(directory, file)
        if (!paths.has(path) && !STAYS.test(path)) removeFile(file)
      }
    },
  }
}

/** From the newest to the first. */
function rootsOf(directory: string, file: (version: number) => Uint8Array | undefined): readonly TufRoot[] {
  const first = file(1)
  if (first === undefined) return []
  let root = readingKept(directory, rootName(1), () => readFirstRoot(first).signed)
  const roots = [root]
  for (let version = 2; version <= ROOT_LIMIT; version++) {
    const bytes = file(version)
    if (bytes === undefined) break
    const before = root
    root = readingKept(directory, rootName(version), () => readNextRoot(before, bytes).signed)
    roots.unshift(root)
  }
  return roots
}

function rootName(version: number): string {
  return `metadata/${version}.root.json`
}

/** Reads what this machine alone knows. Throws FileError, with the next step, if it is damaged. */
function readingKept<T>(directory: string, name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) throw lost(directory, name, `is damaged: ${error.message}`)
    throw error
  }
}

function lost(directory: string, name: string, what: string): FileError {
  const [file, all] = [join(directory, name), dirname(directory)].map(each => printable(each))
  return new FileError(
    `${file} ${what}, so whether the list goes back cannot be told; next: put it back from a backup, or begin anew: rm -r ${all}, then nixsig trust subscribe with the fingerprint that its keepers give`,
  )
}
