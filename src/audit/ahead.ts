/** What an audit looks at on the disk while the store answers. */
import { readdirSync } from 'node:fs'
import { FileError } from '../files/regular-file.ts'
import { digestIn, isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { type Admission, readVersionedAdmission } from '../ledger/admissions.ts'
import { stampOf } from '../ledger/stamp.ts'

/** What lies there about one path. */
export interface OnDisk {
  /** The version of its ledger entry (versionOf in stamp.ts); undefined if there is none. */
  readonly version: string | undefined
  readonly entry: Admission | undefined
  /** The stamp of the path itself. */
  readonly stamp: string | undefined
}

/** How many are looked at before what the store said is taken. */
const TURN = 32

/** Looks at the disk. Throws FileError where a ledger entry cannot be read. */
export function lookAt(state: string, path: string): OnDisk {
  const read = readVersionedAdmission(state, digestIn(path), path)
  return { version: read?.version, entry: read?.entry, stamp: stampOf(path) }
}

/** Looks at paths before they are judged, but for those of which something is kept; each is taken once. */
export interface Ahead {
  /** Looks at these, one after another. */
  look(paths: readonly string[]): Promise<void>
  /**
   * Waits for which paths are valid, and meanwhile looks at some of those that lie in the store. What
   * turns out not to be valid is never taken.
   */
  whileListed<T>(list: Promise<T>): Promise<T>
  take(path: string): OnDisk | undefined
}

/** Has looked at nothing yet. */
export function openAhead(state: string, isKept: (path: string) => boolean): Ahead {
  const seen = new Map<string, OnDisk>()
  const look = async (paths: Iterable<string>, isOver: () => boolean): Promise<void> => {
    let left = TURN
    for (const path of paths) {
      if (isKept(path) || seen.has(path)) continue
      try {
        seen.set(path, lookAt(state, path))
      } catch (error) {
        // It is met again, and told, when the path is judged.
        if (!(error instanceof FileError)) throw error
      }
      if (--left > 0) continue
      left = TURN
      await new Promise(setImmediate)
      if (isOver()) return
    }
  }
  return {
    look: paths => look(paths, () => false),
    async whileListed(list) {
      let isHere = false
      const here = () => {
        isHere = true
      }
      void list.then(here, here)
      // Where it is kept, it is here at once.
      await new Promise(setImmediate)
      if (!isHere) await look(pathsThere(), () => isHere)
      return list
    },
    take(path: string): OnDisk | undefined {
      const found = seen.get(path)
      seen.delete(path)
      return found
    },
  }
}

/** What is called like a path in the store's directory. */
function* pathsThere(): Generator<string> {
  for (const name of readdirSync(STORE_DIR, 'latin1')) {
    const path = `${STORE_DIR}/${name}`
    if (isStorePath(path)) yield path
  }
}
