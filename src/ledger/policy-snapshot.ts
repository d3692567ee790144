/**
 * What a hook has to know about the policy if the ledger answers everything: that the policy is
 * still the one under which the answers were given. Kept in `<state>/policy`, and believed only
 * while every file of the policy is unchanged:
 *
 *     nixsig1 <digest of the policy>
 *     attestations <absolute directory>          once for each, in order
 *     source <seconds> <url>                     likewise; then, unless it is reached directly with
 *                                                the system's certificates, a space and how: JSON
 *     mode <enforce | warn>
 *     sources <data | attested>                  what `[store]` says about them
 *     decisions <off | kept | required>          what `[decisions]` says
 *     file <inode>:<ctime in nanoseconds> <path>   policy.toml, then its certificates
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { protectedPath, readOwnedFile } from '../files/owned-file.ts'
import type { HttpSettings } from '../policy/gate-settings.ts'
import type { AttestationSource, DecisionSettings, Policy, StoreSettings } from '../policy/policy.ts'
import { versionOf } from './stamp.ts'

const HEAD = 'nixsig1 '
const SNAPSHOT_LIMIT = 4 * 1024 * 1024

/**
 * A file that is changed again within the clock's resolution would keep its stamp, so stamps
 * younger than this are not relied upon; milliseconds.
 */
const SETTLED_MS = 2000

/** The part of the policy that can be known without parsing it. */
export interface PolicySnapshot {
  readonly digest: string
  /** The attestation directories that the policy names. */
  readonly attestations: readonly string[]
  /** The publications that the policy names. */
  readonly sources: readonly AttestationSource[]
  readonly mode: Policy['mode']
  readonly store: StoreSettings
  readonly decisions: Pick<DecisionSettings, 'log'>
}

/** A path as the policy names it, and the stamp of the file that it leads to. */
export type StampedFile = readonly [path: string, stamp: string | undefined]

/**
 * Reads the snapshot of the policy in force; undefined if there is none or if one of the policy's
 * files has changed. Throws FileError if others could have written a file of the policy, or a
 * directory above it.
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
  let log: DecisionSettings['log'] | undefined
  // Plain code instead of regular expressions, which take longer to compile than all of this takes
  // to run.
  for (const line of lines) {
    const [kind, stamp = ''] = line.split(' ', 2)
    if (kind === 'attestations') {
      attestations.push(line.slice('attestations '.length))
    } else if (kind === 'source') {
      const source = sourceOf(stamp, line.slice(`source ${stamp} `.length))
      if (source === undefined) return undefined
      sources.push(source)
    } else if (line === 'mode enforce' || line === 'mode warn') {
      mode = stamp as Policy['mode']
    } else if (line === 'sources data' || line === 'sources attested') {
      kept = stamp as StoreSettings['sources']
    } else if (line === 'decisions off' || line === 'decisions kept' || line === 'decisions required') {
      log = stamp as DecisionSettings['log']
    } else {
      const file = line.slice(`file ${stamp} `.length)
      if (kind !== 'file' || !hasVersion(file, stamp)) return undefined
      files.push(file)
    }
  }
  if (files[0] !== policyFile || mode === undefined) return undefined
  if (kept === undefined || log === undefined) return undefined
  const digest = head.slice(HEAD.length)
  return { digest, attestations, sources, mode, store: { sources: kept }, decisions: { log } }
}

/** A file that is gone has changed: whoever reads the policy then says what is lacking. */
function hasVersion(file: string, version: string): boolean {
  try {
    return versionOf(protectedPath(file)) === version
  } catch (error) {
    if (isGone(file)) return false
    throw error
  }
}

/** Not what cannot be looked at: a snapshot may be damaged. */
function isGone(file: string): boolean {
  try {
    return versionOf(file) === undefined
  } catch {
    return false
  }
}

/**
 * Writes the snapshot of a policy that was just read from these files. It is flushed to disk when
 * this returns: if its last lines were lost, a changed certificate would go unnoticed. Does nothing
 * if the stamp of a file is too recent.
 */
export function writeSnapshot(state: string, snapshot: PolicySnapshot, files: readonly StampedFile[]): void {
  const names = [...snapshot.attestations, ...files.map(([path]) => path)]
  if (names.some(name => /[\r\n]/.test(name)) || !files.every(([, stamp]) => isSettled(stamp))) return
  const lines = [
    HEAD + snapshot.digest,
    ...snapshot.attestations.map(directory => `attestations ${directory}`),
    ...snapshot.sources.map(sourceLine),
    `mode ${snapshot.mode}`,
    `sources ${snapshot.store.sources}`,
    `decisions ${snapshot.decisions.log}`,
    ...files.map(([path, stamp]) => `file ${stamp} ${path}`),
  ]
  writeDurably(join(state, 'policy'), `${lines.join('\n')}\n`, { flush: true })
}

/** No URL has a space, and JSON has no line break. */
function sourceLine({ url, maxAge, http }: AttestationSource): string {
  return `source ${maxAge} ${url}${http === undefined ? '' : ` ${JSON.stringify(http)}`}`
}

/** Undefined for a line that no policy leads to. */
function sourceOf(seconds: string, rest: string): AttestationSource | undefined {
  const space = rest.indexOf(' ')
  if (space === -1) return { url: rest, maxAge: Number(seconds) }
  try {
    const http = JSON.parse(rest.slice(space + 1)) as HttpSettings
    return { url: rest.slice(0, space), maxAge: Number(seconds), http }
  } catch {
    return undefined
  }
}

/**
 * Whether there is a snapshot of a policy. There is none while the policy's files are too recent,
 * or after it was removed or emptied.
 */
export function hasSnapshot(state: string): boolean {
  return (lstatSync(join(state, 'policy'), { throwIfNoEntry: false })?.size ?? 0) > 0
}

/** Whether a stamp is old enough to be relied upon. */
export function isSettled(stamp: string | undefined): boolean {
  const ctime = Number(stamp?.split(':')[1] ?? Number.NaN) / 1e6
  return ctime < Date.now() - SETTLED_MS
}
