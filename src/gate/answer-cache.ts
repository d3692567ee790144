import { join } from 'node:path'
import { isSettled } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import type { GateResponse } from './http-request.ts'

/** AnswerCache that are kept, and bytes of their bodies together. */
const COUNT_LIMIT = 20_000
const BYTES_LIMIT = 32 * 1024 * 1024

/** Nix's database: whatever becomes valid or invalid changes one of these. */
const DATABASE = '/nix/var/nix/db/db.sqlite'

/** What an answer rests on beside what upstreams said. */
export interface Grounds {
  /** Digest of the policy. */
  readonly policy: string
  /** Directories of attestations, mirrors included. */
  readonly directories: readonly string[]
}

/** What the files that an answer rests on are told apart by. */
export interface AnswerBasis {
  readonly policy: string
  /** Of what all answers rest on. */
  readonly common: string
  /** Of the files that are about this path, and of the directories in which there could be more. */
  readonly own: readonly FileVersion[]
}

interface FileVersion {
  readonly file: string
  readonly version: string | undefined
}

interface Kept {
  readonly response: GateResponse
  /** When it was kept, and until when it stands, in milliseconds since 1970. */
  readonly since: number
  readonly until: number
  readonly standing: AnswerBasis
  readonly bytes: number
}

/** Final answers about store paths, by the hash part, for as long as nothing that they rest on has changed. */
export interface AnswerCache {
  get(digest: string, grounds: Grounds): GateResponse | undefined
  /**
   * Keeps an answer up to an instant (milliseconds since 1970). `standing`: what `basisOf` said before it was
   * judged. Does nothing where that changed so lately that it may change again unseen.
   */
  keep(digest: string, response: GateResponse, until: number, standing: AnswerBasis | undefined): void
  clear(): void
}

export function openAnswerCache(): AnswerCache {
  const kept = new Map<string, Kept>()
  const commonNow = oncePerTurn(commonVersions)
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
      // A clock that was set back would let it stand for years.
      const isSame = standing.policy === grounds.policy && since <= now && now < until
      if (isSame && commonNow(grounds) === standing.common && standing.own.every(isUnchanged)) return response
      drop(digest)
      return undefined
    },
    keep(digest, response, until, standing) {
      drop(digest)
      if (standing === undefined) return
      const size = (response.body instanceof Buffer ? response.body.length : 0) + standing.common.length
      kept.set(digest, { response, since: Date.now(), until, standing, bytes: size })
      bytes += size
      // A Map keeps the order in which things came: the oldest go first.
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
 * What an answer about a path that is judged now rests on; undefined where that changed so lately that a further change
 * would not show.
 */
export function basisOf(digest: string, grounds: Grounds): AnswerBasis | undefined {
  const common = commonVersions(grounds)
  const own = grounds.directories.flatMap(directory => ownVersions(directory, digest))
  const versions = [...common.split(' '), ...own.map(({ version }) => version)]
  if (versions.some(version => version && !isSettled(version))) return undefined
  return { policy: grounds.policy, common, own }
}

/** Whether two looks at the same showed the same. */
export function isSameBasis(a: AnswerBasis, b: AnswerBasis): boolean {
  const text = ({ policy, common, own }: AnswerBasis) =>
    [policy, common, ...own.map(({ file, version }) => `${file} ${version}`)].join('\n')
  return text(a) === text(b)
}

function commonVersions({ directories }: Grounds): string {
  return [DATABASE, `${DATABASE}-wal`, ...directories].map(file => versionOf(file) ?? '').join(' ')
}

/**
 * A new file changes the directory that it is in, and a longer one itself: what is not there need not be looked at
 * again.
 */
function ownVersions(directory: string, digest: string): readonly FileVersion[] {
  const shard = look(join(directory, digest.slice(0, 2)))
  // Without it, the directory itself changes first.
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

/** Does something once in a turn of the event loop: requests that came in together need not each do it. */
function oncePerTurn<A, R>(action: (argument: A) => R): (argument: A) => R {
  let known: { readonly argument: A; readonly result: R } | undefined
  return argument => {
    if (known !== undefined) return known.result
    known = { argument, result: action(argument) }
    setImmediate(() => {
      known = undefined
    })
    return known.result
  }
}
