/** What lies in the store's directory, beside what its database says. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import type { DiskFindings } from './audit.ts'
import type { StoreView } from './store-view.ts'

/** The most findings of a kind that are told. */
const LIMIT = 1000

/** Names that Nix itself keeps there, none of which is a path. */
const NOT_PATHS = [/^\.links$/, /^\.gc-/, /\.chroot$/]
/** Nix writes one byte into a lock of a path that is gone. */
const LOCK_SIZE = 1

/**
 * Names in the store's directory that the database does not know. Throws the error of Node if the
 * directory cannot be listed.
 */
export async function unregisteredIn(
  view: Pick<StoreView, 'knows' | 'validAmong'>,
): Promise<Pick<DiskFindings, 'unregistered' | 'isCut'>> {
  const unknown = readdirSync(STORE_DIR, 'latin1').filter(
    name => !view.knows(`${STORE_DIR}/${name}`) && !NOT_PATHS.some(one => one.test(name)),
  )
  const valid = await view.validAmong(unknown.map(name => `${STORE_DIR}/${name}`).filter(isStorePath))
  const left = unknown.filter(name => !valid.has(`${STORE_DIR}/${name}`) && !isLock(name))
  return {
    unregistered: left
      .sort()
      .slice(0, LIMIT)
      .map(name => ({ name, size: sizeOf(join(STORE_DIR, name)) })),
    isCut: left.length > LIMIT,
  }
}

/** What is only called like one is told. */
function isLock(name: string): boolean {
  return name.endsWith('.lock') && (sizeOf(join(STORE_DIR, name)) ?? LOCK_SIZE + 1) <= LOCK_SIZE
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
