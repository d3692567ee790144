/** Whether a directory that is part of another input is in the tree that was verified. */
import { relative } from 'node:path'
import { topOf } from '../../git/layout.ts'
import type { LockFinding } from './input-verdict.ts'
import { type Place, placeOnDisk } from './place-in-tree.ts'

/**
 * What is wrong with a place in the tree around the lock, if that is judged. `place` begins at the
 * lock, and some `..` may come first. `name`: escaped.
 */
export function aroundLock(
  directory: string | undefined,
  name: string,
  place: readonly string[],
): readonly LockFinding[] {
  const up = place.filter(each => each === '..').length
  if (directory === undefined && up === 0) return []
  const top = directory && topOf(directory)
  const above =
    top === undefined
      ? []
      : relative(top, directory ?? '')
          .split('/')
          .filter(each => each !== '')
  if (up > above.length) return [leaving(name)]
  const inTree = [...above.slice(0, above.length - up), ...place.slice(up)]
  return missing(name, placeOnDisk(top ?? directory ?? '', inTree))
}

/** Of a path that is in no input. `name`: escaped. */
export function leaving(name: string): LockFinding {
  return outside(`${name} leaves the input that it is part of: give it a URL of its own`)
}

/** What is wrong with what is at a place. `name`: escaped. */
export function missing(name: string, place: Place, hasSubmodules = true): readonly LockFinding[] {
  if (place === 'directory' || place === 'file' || (place === 'submodule' && hasSubmodules)) return []
  const what = place === 'link' ? 'goes through a link, which may lead out of the tree' : 'is not in the tree'
  return [outside(`${name} ${what} that was verified: lock it again (nix flake lock)`)]
}

function outside(message: string): LockFinding {
  return { code: 'outside', message, status: 12 }
}
