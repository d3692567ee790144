/** What lies in the directory of a store, valid or not. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { STORE_DIR } from '../formats/nix/store-path.ts'

const ENTRY = /^([0-9a-df-np-sv-z]{32})-([0-9A-Za-z+._?=-]{1,211})$/

/**
 * How old a listing may be: `recent`: two seconds, since a large store takes a while to list, and
 * whoever copies a system asks a thousand times; older if the directory has not changed since.
 * `fresh`: the directory is listed now, whatever its times say.
 */
export type Age = 'recent' | 'fresh'

const RECENT_MS = 2000
/**
 * How long a directory must have been unchanged when it was listed, for an equal time of its last
 * change to mean that it is unchanged still. The times of some file systems advance in steps, up to
 * two seconds long, and whatever changes within one step leaves the same time.
 */
const SETTLED_NS = 5_000_000_000n

interface Listing {
  /** Time of the directory's last change, in nanoseconds. */
  readonly changed: bigint
  /** Whether a later change must have another time. */
  readonly isSettled: boolean
  /** In the time of performance.now(). */
  readonly read: number
  readonly names: Map<string, string>
}

/** The last listing of each directory. */
const LISTED = new Map<string, Listing>()
const LISTINGS_LIMIT = 4

/**
 * The name of each path in a store's directory by its hash part. `root` precedes /nix/store on the
 * disk. Nix keeps files such as `<path>.lock` beside a path that it writes; of several names with
 * one hash part the shortest is the path. Throws the error of Node if the directory cannot be read.
 */
export function namesInStore(root: string, age: Age): ReadonlyMap<string, string> {
  const directory = join(root === '' ? '/' : root, STORE_DIR)
  const changed = statSync(directory, { bigint: true }).mtimeNs
  const listed = LISTED.get(directory)
  if (listed !== undefined && age === 'recent' && isRecent(listed, changed)) return listed.names
  const isSettled = BigInt(Date.now()) * 1_000_000n - changed > SETTLED_NS
  const names = new Map<string, string>()
  for (const entry of readdirSync(directory, 'latin1')) addName(names, entry)
  LISTED.delete(directory)
  LISTED.set(directory, { changed, isSettled, read: performance.now(), names })
  if (LISTED.size > LISTINGS_LIMIT) LISTED.delete(LISTED.keys().next().value ?? '')
  return names
}

/** Whether a listing is young, or its directory, last changed at `changed`, is unchanged since. */
function isRecent(listed: Listing, changed: bigint): boolean {
  if (listed.isSettled && listed.changed === changed) return true
  return performance.now() - listed.read < RECENT_MS
}

/** Adds a path, which lies in the store below `root`, to its last listing, if there is one. */
export function notePresent(root: string, path: string): void {
  const listed = LISTED.get(join(root === '' ? '/' : root, STORE_DIR))
  if (listed !== undefined) addName(listed.names, basename(path))
}

function addName(names: Map<string, string>, entry: string): void {
  const [, digest = '', name = ''] = ENTRY.exec(entry) ?? []
  const other = names.get(digest)
  if (name !== '' && (other === undefined || name.length < other.length)) names.set(digest, name)
}
