/** What lies in the store's directory, beside what its database says. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import type { Store } from '../store/store-client.ts'
import type { DiskFindings } from './audit.ts'

/** The most findings of a kind that are told. */
const LIMIT = 1000
/** How many paths the store is asked about at once. */
const AT_ONCE = 10_000

/** Names that Nix itself keeps there, none of which is a path. */
const NOT_PATHS = [/^\.links$/, /^\.gc-/, /\.lock$/, /\.chroot$/]

/**
 * Names in the store's directory that the database does not know. `known`: paths that are registered
 * for certain. Undefined where the directory cannot be listed.
 */
export async function unregisteredIn(
  store: Pick<Store, 'validPaths'>,
  known: ReadonlyMap<string, unknown>,
): Promise<Pick<DiskFindings, 'unregistered' | 'isCut'>> {
  const names = readdirSync(STORE_DIR, 'latin1').filter(name => !NOT_PATHS.some(one => one.test(name)))
  const asked = names.map(name => join(STORE_DIR, name)).filter(path => isStorePath(path) && !known.has(path))
  const valid = new Set<string>()
  for (let at = 0; at < asked.length; at += AT_ONCE)
    for (const path of await store.validPaths(asked.slice(at, at + AT_ONCE))) valid.add(path)
  const left = names.filter(name => {
    const path = join(STORE_DIR, name)
    return !known.has(path) && !valid.has(path)
  })
  return {
    unregistered: left
      .sort()
      .slice(0, LIMIT)
      .map(name => ({ name, size: sizeOf(join(STORE_DIR, name)) })),
    isCut: left.length > LIMIT,
  }
}

/** Bytes of a file; undefined of a directory, which takes long to count, and of what went away. */
function sizeOf(path: string): number | undefined {
  try {
    const status = lstatSync(path)
    return status.isDirectory() ? undefined : status.size
  } catch {
    return undefined
  }
}
