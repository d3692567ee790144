import type { Expected } from '../ledger/expected.ts'
import type { Store } from '../store/store-client.ts'

/**
 * What one hook judges of others' builds, all of them together: anybody can make larger ones, as many as he likes, and keep
 * their own hooks from it.
 */
const LIMITS = { builds: 4, outputs: 32, bytes: 64 * 1024 * 1024 }
/** Builds that are looked at for some that there is room for. */
const LOOKED_AT = 16

/** How much a hook still does for others. */
export interface LeftoverRoom {
  isFull(): boolean
  /**
   * Whether there is room for the build of an output, which takes it. What there is none for waits until something is built
   * from it, or until `nixsig verify` judges all that was left.
   */
  take(expected: Expected): Promise<boolean>
}

/** `needed`: hash parts of what the hook's own build needs, which takes room of no other, however large it is. */
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

/** How many outputs a build has, and the bytes of those that are valid; undefined: more outputs than that. */
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
