/**
 * What a hook has to know of the policy when every answer stands in the ledger: that it is still the one under which they
 * were given. Kept in `<state>/policy`, and believed only while every file that made up the policy is that very file:
 *
 *     nixsig1 <digest of the policy>
 *     attestations <absolute directory>          once for each, in order
 *     source <seconds> <url>                     likewise
 *     mode <enforce | warn>
 *     sources <data | attested>                  what `[store]` says of them
 *     file <inode>:<ctime in nanoseconds> <path>   policy.toml, then its certificates
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { protectedPath, readOwnedFile } from '../files/owned-file.ts'
import type { AttestationSource, Policy, StoreSettings } from '../policy/policy.ts'
import { versionOf } from './stamp.ts'

const HEAD = 'nixsig1 '
const SNAPSHOT_LIMIT = 4 * 1024 * 1024

/** A file changed again within the clock's grain would keep its stamp: younger ones than this are not relied upon. */
const SETTLED_MS = 2000

/** As much of the policy as can be known without reading its language. */
export interface PolicySnapshot {
  readonly digest: string
  /** Directories of attestations that the policy names. */
  readonly attestations: readonly string[]
  /** Publications that it names. */
  readonly sources: readonly AttestationSource[]
  readonly mode: Policy['mode']
  readonly store: StoreSettings
}

/** Path as the policy names it, and the stamp of the file that it leads to. */
export type StampedFile = readonly [path: string, stamp: string | undefined]

/**
 * The snapshot of the policy in force; undefined if there is none or a file is not the one that it was made of. Throws
 * FileError if a file of the policy, or a directory above it, could be somebody else's work.
 */
export function readSnapshot(state: string, policyFile: string): PolicySnapshot | undefined {
  const text = readOwnedFile(join(state, 'policy'), SNAPSHOT_LIMIT)?.toString('utf8')
  const [head = '', ...lines] = text?.split('\n') ?? []
  if (!head.startsWith(HEAD) || lines.pop() !== '') return undefined
  const attestations: string[] = []
  const sources: AttestationSource[] = []
  const files: string[] = []
  let mode: Policy['mode'] | undefined
  let kept: StoreSettings['sources'] | undefined
  // Plain steps instead of patterns, which take longer to make ready than all of this takes to run.
  for (const line of lines) {
    const [kind, stamp = ''] = line.split(' ', 2)
    if (kind === 'attestations') {
      attestations.push(line.slice('attestations '.length))
    } else if (kind === 'source') {
      sources.push({ url: line.slice(`source ${stamp} `.length), maxAge: Number(stamp) })
    } else if (line === 'mode enforce' || line === 'mode warn') {
      mode = stamp as Policy['mode']
    } else if (line === 'sources data' || line === 'sources attested') {
      kept = stamp as StoreSettings['sources']
    } else {
      const file = line.slice(`file ${stamp} `.length)
      if (kind !== 'file' || versionOf(protectedPath(file)) !== stamp) return undefined
      files.push(file)
    }
  }
  if (files[0] !== policyFile || mode === undefined || kept === undefined) return undefined
  return { digest: head.slice(HEAD.length), attestations, sources, mode, store: { sources: kept } }
}

/**
 * Remembers a policy that was read from these files just now, on the disk when it returns: with its last lines lost, a
 * certificate that changes would go unnoticed. Does nothing where a file is too young for its stamp.
 */
export function writeSnapshot(state: string, snapshot: PolicySnapshot, files: readonly StampedFile[]): void {
  const names = [...snapshot.attestations, ...files.map(([path]) => path)]
  if (names.some(name => /[\r\n]/.test(name)) || !files.every(([, stamp]) => isSettled(stamp))) return
  const lines = [
    HEAD + snapshot.digest,
    ...snapshot.attestations.map(directory => `attestations ${directory}`),
    ...snapshot.sources.map(({ url, maxAge }) => `source ${maxAge} ${url}`),
    `mode ${snapshot.mode}`,
    `sources ${snapshot.store.sources}`,
    ...files.map(([path, stamp]) => `file ${stamp} ${path}`),
  ]
  writeDurably(join(state, 'policy'), `${lines.join('\n')}\n`, { flush: true })
}

/** Whether anything is remembered of a policy: not while its files are too young, nor where it was removed or emptied. */
export function hasSnapshot(state: string): boolean {
  return (lstatSync(join(state, 'policy'), { throwIfNoEntry: false })?.size ?? 0) > 0
}

/** Whether a stamp is old enough to be relied upon. */
export function isSettled(stamp: string | undefined): boolean {
  const ctime = Number(stamp?.split(':')[1] ?? Number.NaN) / 1e6
  return ctime < Date.now() - SETTLED_MS
}
