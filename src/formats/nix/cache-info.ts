/** `nix-cache-info`: what a binary cache says of itself, in lines of `Name: value`. */

/** Most bytes of the file. */
export const CACHE_INFO_LIMIT = 16 * 1024

export interface CacheInfo {
  /** Undefined if the file does not say. */
  readonly storeDir?: string
  /** Whether the cache likes to be asked about many paths at once. */
  readonly wantsMassQuery: boolean
  /** The lower, the sooner a cache is used. Undefined if the file does not say. */
  readonly priority?: number
}

/**
 * Reads the file as Nix does: fields that it does not know, and lines without a field, mean
 * nothing, and of a field twice the last one counts. Never throws.
 */
export function parseCacheInfo(bytes: Uint8Array): CacheInfo {
  const fields = new Map<string, string>()
  for (const line of Buffer.from(bytes).toString('latin1').split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const storeDir = fields.get('StoreDir')
  const [digits] = /^[+-]?\d{1,9}/.exec(fields.get('Priority') ?? '') ?? []
  return {
    ...(storeDir === undefined ? {} : { storeDir }),
    wantsMassQuery: fields.get('WantMassQuery') === '1',
    ...(digits === undefined ? {} : { priority: Number(digits) }),
  }
}
