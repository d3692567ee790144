/** What an audit looks at on the disk while the store answers. */
import { FileError } from '../files/regular-file.ts'
import { digestIn } from '../formats/nix/store-path.ts'
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
export function openAhead(state: string, isKept: (path: string) => boolean) {
  const seen = new Map<string, OnDisk>()
  return {
    async look(paths: readonly string[]): Promise<void> {
      let left = TURN
      for (const path of paths) {
        if (isKept(path)) continue
        try {
          seen.set(path, lookAt(state, path))
        } catch (error) {
          // It is met again, and told, when the path is judged.
          if (!(error instanceof FileError)) throw error
        }
        if (--left > 0) continue
        left = TURN
        await new Promise(setImmediate)
      }
    },
    take(path: string): OnDisk | undefined {
      const found = seen.get(path)
      seen.delete(path)
      return found
    },
  }
}
