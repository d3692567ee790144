/**
 * What an audit leaves to the next: `<state>/audit/kept`, which only root writes. It holds what the
 * store registered, believed as long as the files of its database are as they were, and what was
 * judged by the ledger, the policy and what was signed since, believed of each path as long as the
 * policy, the version of its ledger entry, its stamp, its registered contents and signatures, and
 * the files of attestations about it are the same, and no date of the policy has passed. Whatever
 * else it rests on is judged again each time.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial } from '../files/durable-file.ts'
import { namesIn } from '../files/names-in.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { replaceFile } from '../files/replace-file.ts'
import { digestIn } from '../formats/nix/store-path.ts'
import { entryFile } from '../ledger/admissions.ts'
import { changeIn, stampOf, versionOf } from '../ledger/stamp.ts'
import { endOfList } from '../policy/lists/scope.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { type Later, lastChangeIn } from './later.ts'
import type { Judged, Member, Registered } from './member.ts'
import type { Basis, Kept } from './packed.ts'
import { parseKept, printKept } from './parse-kept.ts'

export type { Basis, Kept } from './packed.ts'

/** Nobody writes it for so many milliseconds. */
const LEFT_MS = 60_000
const LIMIT = 256 * 1024 * 1024
const DATABASE = '/nix/var/nix/db/db.sqlite'
/** What changes within one step of a clock may leave the same time: see policy-snapshot.ts. */
const SETTLED_NS = 2_000_000_000n

/** Reads what this version of nixsig kept; undefined if there is none that this user may believe. */
export function readKept(state: string, version: string): Kept | undefined {
  try {
    const bytes = readOwnedFile(keptFile(state), LIMIT)
    const kept = bytes && parseKept(bytes)
    return kept?.basis.version === version ? kept : undefined
  } catch (error) {
    // It is made again.
    if (error instanceof FileError || error instanceof FormatError) return undefined
    throw error
  }
}

/** Keeps it. Does nothing for who is not root. */
export async function writeKept(state: string, kept: Kept): Promise<void> {
  if (process.geteuid?.() !== 0) return
  removeLeft(join(state, 'audit'))
  await replaceFile(keptFile(state), printKept(kept))
}

/** Removes what audits left that were killed while they wrote. */
function removeLeft(directory: string): void {
  for (const name of namesIn(directory)) {
    const file = join(directory, name)
    const status = isPartial(name) ? lstatSync(file, { throwIfNoEntry: false }) : undefined
    if (status !== undefined && Date.now() - status.mtimeMs > LEFT_MS) removeFile(file)
  }
}

function keptFile(state: string): string {
  return join(state, 'audit', 'kept')
}

/** Whether verdicts that are kept were found by what is in force now. */
export function isSameBasis(kept: Kept, basis: Basis, now: Instant): boolean {
  const { policy, own } = kept.basis
  const isSame = policy === basis.policy && (own ?? '') === (basis.own ?? '')
  return isSame && kept.time <= now && (kept.change === undefined || now < kept.change)
}

/** What is looked at of a path. */
interface Now {
  readonly info: Registered | undefined
  readonly now: Instant
  readonly later: Later
}

/** Whether what is kept of a path still holds: its entry, its contents, what was signed, and its end. */
export function holdsStill(state: string, path: string, judged: Judged, { info, now, later }: Now): boolean {
  const { entry, stamp, narHash, standing } = judged
  if (standing.outcome !== 'trusted' || entry === undefined || stamp === undefined) return false
  if (standing.until !== undefined && now >= standing.until) return false
  if (info === undefined || info.narHash !== narHash || stampOf(path) !== stamp) return false
  if (info.signatures !== judged.signatures || later.filesOf(path) !== judged.files) return false
  return versionOf(entryFile(state, digestIn(path))) === entry
}

/** What may be kept of these: those that the ledger decided, by files that are old enough. */
export function keepable(members: readonly Member[], begun: bigint): Kept['judged'] {
  const settled = Number(begun - SETTLED_NS)
  const judged: (readonly [string, Judged])[] = []
  for (const member of members) {
    const { path, entry, standing } = member
    if (entry === undefined || standing.outcome !== 'trusted') continue
    if (changeIn(entry) < settled && lastChangeIn(member.files) < settled) judged.push([path, member])
  }
  return judged
}

/**
 * The state of the store's database, which is another after every change of it; undefined if it
 * cannot be told, or is so young that a change might leave it. `begun`: nanoseconds since 1970.
 */
export function databaseState(begun: bigint): string | undefined {
  const parts: string[] = []
  for (const ending of ['', '-wal', '-journal']) {
    const status = lstatSync(`${DATABASE}${ending}`, { bigint: true, throwIfNoEntry: false })
    // Whoever opens the database makes an empty log beside it.
    if (status === undefined || (ending !== '' && status.size === 0n)) {
      parts.push('none')
      continue
    }
    // SQLite gives the log to its owner again whenever root opens the database, which is a new ctime.
    const changed = ending === '' ? status.ctimeNs : status.mtimeNs
    if (changed + SETTLED_NS >= begun) return undefined
    parts.push(`${status.ino}:${changed}:${status.mtimeNs}:${status.size}`)
  }
  return parts[0] === 'none' ? undefined : parts.join(' ')
}

/** The next instant at which a date in the policy passes. */
export function nextChange(policy: Policy, now: Instant): Instant | undefined {
  const dates = [
    ...[...policy.principals.values()].flatMap(({ keys }) =>
      keys.flatMap(({ validFrom, validUntil, grants = [] }) => [
        validFrom,
        validUntil,
        ...grants.flatMap(({ from, until }) => [from, until]),
      ]),
    ),
    ...policy.revocations.map(({ from }) => from),
    ...policy.exemptions.map(({ until }) => until),
    ...[...policy.lists.values()].map(endOfList),
  ]
  const coming = dates.filter(date => date !== undefined).filter(date => date > now)
  return coming.length === 0 ? undefined : coming.reduce((a, b) => Math.min(a, b))
}
