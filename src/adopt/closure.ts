import { PackagingError } from '../packaging/packaging-error.ts'
import { printable } from '../primitives/printable.ts'
import type { PathInfo, Store } from '../store/store-client.ts'
import { leafFirst } from './leaf-first.ts'

/** The most paths of one closure: ten times those of a large system. */
const PATH_LIMIT = 200_000

/**
 * What the store registered about some paths and everything that they refer to, leaf first. Throws
 * PackagingError if one is not valid or there are too many.
 */
export async function closureLeafFirst(store: Store, roots: readonly string[]): Promise<readonly PathInfo[]> {
  const infos = new Map<string, PathInfo>()
  const found = new Set(roots)
  for (const path of found) {
    const info = await store.pathInfo(path)
    if (info === undefined)
      throw new PackagingError(
        'not-valid',
        `${printable(path)} is not valid in this store; next: build or fetch it first`,
      )
    infos.set(path, info)
    for (const reference of info.references) found.add(reference)
    if (found.size > PATH_LIMIT)
      throw new PackagingError(
        'not-valid',
        `more than ${PATH_LIMIT} paths; next: name a part of it, such as one package`,
      )
  }
  const order = leafFirst(roots, path => [...(infos.get(path)?.references ?? [])].sort())
  return order.flatMap(path => infos.get(path) ?? [])
}
