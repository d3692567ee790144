import { FileError } from '../../files/regular-file.ts'
import { SourceError } from '../../http/source-error.ts'

/** Milliseconds for which it is remembered that a cache accepts the authorization, or does not. */
const ACCEPTED = 10 * 60 * 1000
const REFUSED = 30 * 1000

/** Whether a private cache answers 401 or 403 for what it does not have. */
export interface Misses {
  /** Asks once for a while. Never rejects. */
  are(): Promise<boolean>
  forget(): void
}

/**
 * `hasInfo` says whether the cache shows its `nix-cache-info` to the same authorization; it may
 * reject with SourceError and FileError.
 */
export function openMisses(hasInfo: () => Promise<boolean>): Misses {
  let known: { readonly are: boolean; readonly since: number } | undefined
  let asking: Promise<boolean> | undefined

  async function ask(): Promise<boolean> {
    try {
      const are = await hasInfo()
      known = { are, since: Date.now() }
      return are
    } catch (error) {
      if (!(error instanceof SourceError || error instanceof FileError)) throw error
      known = { are: false, since: Date.now() }
      return false
    } finally {
      asking = undefined
    }
  }
  return {
    async are() {
      const age = Date.now() - (known?.since ?? Number.NEGATIVE_INFINITY)
      if (known !== undefined && age >= 0 && age < (known.are ? ACCEPTED : REFUSED)) return known.are
      asking ??= ask()
      return asking
    },
    forget() {
      known = undefined
    },
  }
}
