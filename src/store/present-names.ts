/** What lies in the directory of a store, valid or not. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { STORE_DIR } from '../formats/nix/store-path.ts'

const ENTRY = /^([0-9a-df-np-sv-z]{32})-([0-9A-Za-z+._?=-]{1,211})$/

/** The last listing of each directory, with the time of its last change in nanoseconds. */
const LISTED = new Map<string, { readonly changed: bigint; readonly names: ReadonlyMap<string, string> }>()
const LISTINGS_LIMIT = 4

/**
 * The name of each path in a store's directory by its hash part. `root` precedes /nix/store on the
 * disk. Nix keeps files such as `<path>.lock` beside a path that it writes; of several names with
 * one hash part the shortest is the path. Throws the error of Node if the directory cannot be read.
 */
export function namesInStore(root: string): ReadonlyMap<string, string> {
  const directory = join(root === '' ? '/' : root, STORE_DIR)
  const changed = statSync(directory, { bigint: true }).mtimeNs
  const listed = LISTED.get(directory)
  if (listed?.changed === changed) return listed.names
  const names = new Map<string, string>()
  for (const entry of readdirSync(directory, 'latin1')) {
    const [, digest = '', name = ''] = ENTRY.exec(entry) ?? []
    const other = names.get(digest)
    if (name !== '' && (other === undefined || name.length < other.length)) names.set(digest, name)
  }
  LISTED.delete(directory)
  LISTED.set(directory, { changed, names })
  if (LISTED.size > LISTINGS_LIMIT) LISTED.delete(LISTED.keys().next().value ?? '')
  return names
}
