import { join } from 'node:path'
import { isSettled } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import { type ForAMoment, forAMoment } from '../primitives/for-a-moment.ts'
import type { GateResponse } from './http-request.ts'

/** How many answers are kept at most, and how many bytes their bodies may have together. */
const COUNT_LIMIT = 20_000
const BYTES_LIMIT = 32 * 1024 * 1024

/** Nix's database. One of these two files changes whenever a path becomes valid or invalid. */
const DATABASE = '/nix/var/nix/db/db.sqlite'

/** What an answer depends on, apart from what the upstreams said. */
export interface Grounds {
  /** Digest of the policy. */
  readonly policy: string
  /** Directories of attestations, including mirrors of sources. */
  readonly directories: readonly string[]
}

/** Versions of the files that an answer depends on. */
export interface AnswerBasis {
  readonly policy: string
  /** Versions of the files that all answers depend on, separated by spaces. */
  readonly common: string
  /**
   * Versions of the files about this path, and of the directories where more of them could appear.
   */
  readonly own: readonly FileVersion[]
}

interface FileVersion {
  readonly file: string
  readonly version: string | undefined
}

interface Kept {
  readonly response: GateResponse
  /** When the answer was kept, and until when it is valid, in milliseconds since 1970. */
  readonly since: number
  readonly until: number
  readonly standing: AnswerBasis
  readonly bytes: number
}

/**
 * Final answers about store paths, by hash part. An answer is used as long as nothing that it
 * depends on has changed.
 */
export interface AnswerCache {
  get(digest: string, grounds: Grounds): GateResponse | undefined
  /**
   * Keeps an answer until an instant (milliseconds since 1970). `standing` is what `basisOf`
   * returned before the path was judged. Does nothing if that is undefined: the files changed so
   * recently that a further change might not be noticed.
   */
  keep(digest: string, response: GateResponse, until: number, standing: AnswerBasis | undefined): void
  clear(): void
}

/**
 * An empty cache: 20,000 answers or 32 MiB at most; the oldest go first. `common` holds the versions
 * of the files that all answers depend on, for questions that come together.
 */
export function openAnswerCache(common: ForAMoment<string> = forAMoment()): AnswerCache {
  const kept = new Map<string, Kept>()
  const commonNow = (grounds: Grounds): string => {
    const known = common.get()
    if (known !== undefined) return known
    const versions = commonVersions(grounds)
    common.set(versions)
    return versions
  }
  let bytes = 0
  const drop = (digest: string) => {
    bytes -= kept.get(digest)?.bytes ?? 0
    kept.delete(digest)
  }
  return {
    get(digest, grounds) {
      const found = kept.get(digest)
      if (found === undefined) return undefined
      const { standing, since, until, response } = found
      const now = Date.now()
      // `since` is checked because a clock that was set back would keep the answer valid for years.
      const isSame = standing.policy === grounds.policy && since <= now && now < until
      if (isSame && commonNow(grounds) === standing.common && standing.own.every(isUnchanged)) return response
      drop(digest)
      return undefined
    },
    keep(digest, response, until, standing) {
      drop(digest)
      if (standing === undefined) return
      const size = sizeOf(response) + standing.common.length
      kept.set(digest, { response, since: Date.now(), until, standing, bytes: size })
      bytes += size
      // A Map keeps insertion order, so the oldest answers go first.
      for (const oldest of kept.keys()) {
        if (kept.size <= COUNT_LIMIT && bytes <= BYTES_LIMIT) break
        drop(oldest)
      }
    },
    clear() {
      kept.clear()
      bytes = 0
    },
  }
}

/**
 * What an answer about a path that is judged now depends on; undefined if any of it changed so
 * recently that a further change might not be noticed.
 */
export function basisOf(digest: string, grounds: Grounds): AnswerBasis | undefined {
  const common = commonVersions(grounds)
  const own = grounds.directories.flatMap(directory => ownVersions(directory, digest))
  const versions = [...common.split(' '), ...own.map(({ version }) => version)]
  if (versions.some(version => version && !isSettled(version))) return undefined
  return { policy: grounds.policy, common, own }
}

/** Whether nothing changed between two calls of `basisOf`. */
export function isSameBasis(a: AnswerBasis, b: AnswerBasis): boolean {
  const text = ({ policy, common, own }: AnswerBasis) =>
    [policy, common, ...own.map(({ file, version }) => `${file} ${version}`)].join('\n')
  return text(a) === text(b)
}

function commonVersions({ directories }: Grounds): string {
  return [DATABASE, `${DATABASE}-wal`, ...directories].map(file => versionOf(file) ?? '').join(' ')
}

/**
 * A new file changes its directory, and a file that grows changes itself. So files that are absent
 * need not be looked up each time.
 */
function ownVersions(directory: string, digest: string): readonly FileVersion[] {
  const shard = look(join(directory, digest.slice(0, 2)))
  // If there is no shard, creating it changes the directory itself.
  if (shard.version === undefined) return []
  const files = [`${shard.file}/${digest}.intoto.jsonl`, `${shard.file}/${digest}.narinfo`]
  return [shard, ...files.map(look).filter(({ version }) => version !== undefined)]
}

function look(file: string): FileVersion {
  return { file, version: versionOf(file) }
}

function isUnchanged({ file, version }: FileVersion): boolean {
  return versionOf(file) === version
}

function sizeOf({ body }: GateResponse): number {
  return typeof body === 'string' || body instanceof Buffer ? body.length : 0
}
