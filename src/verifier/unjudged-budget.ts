import type { Expected } from '../ledger/expected.ts'
import type { Store } from '../store/store-client.ts'

/**
 * How much one hook judges of others' builds, in total. Anybody can make larger builds, and any
 * number of them, and keep their own hooks from judging them.
 */
const LIMITS = { builds: 4, outputs: 32, bytes: 64 * 1024 * 1024 }
/** The most builds that are looked at to find some that fit. */
const LOOKED_AT = 16

/** The budget of a hook for others' builds. */
export interface LeftoverRoom {
  isFull(): boolean
  /**
   * Whether the build of an output fits; if it does, its room is taken. A build that does not fit
   * waits until something is built from it, or until `nixsig verify` judges all leftovers.
   */
  take(expected: Expected): Promise<boolean>
}

/**
 * Opens a hook's budget. `needed`: hash parts of what the hook's own build needs. Each of these
 * counts as one build, but its outputs and bytes are free.
 */
export function openRoom(store: Store, needed: ReadonlySet<string>): LeftoverRoom {
  let { builds, outputs, bytes } = LIMITS
  let looks = LOOKED_AT
  return {
    isFull: () => builds === 0 || looks === 0,
    async take(expected) {
      if (!needed.has(expected.digest)) {
        looks--
        const size = await sizeOf(store, expected, outputs)
        if (size === undefined || size.bytes > bytes) return false
        outputs -= size.outputs
        bytes -= size.bytes
      }
      builds--
      return true
    },
  }
}

/**
 * The number of outputs of a build and the bytes of those that are valid; undefined if there are
 * more outputs than the limit.
 */
async function sizeOf(store: Store, { derivation, path }: Expected, limit: number) {
  const isThere = (await store.validPaths([derivation])).size > 0
  const paths = isThere ? [...(await store.outputs(derivation)).values()] : [path]
  if (paths.length > limit) return undefined
  let bytes = 0
  for (const output of paths) {
    const info = output === undefined ? undefined : await store.pathInfo(output)
    bytes += info?.narSize ?? 0
  }
  return { outputs: paths.length, bytes }
}
