import { lstatSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { attestationFile, narinfoFile } from '../evidence/attestation-file.ts'
import { namesIn, readableNamesIn } from '../files/names-in.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { entryFile, isCurrent, readAdmission } from '../ledger/admissions.ts'
import { withTurns } from '../primitives/with-turns.ts'
import { admittedNow, type Moment } from './admitted.ts'
import type { Inquiry } from './inquiry.ts'

/**
 * The most derivations that are looked at although nobody attested them and the ledger does not
 * have them.
 */
export const UNKNOWN_LIMIT = 256

/** The most bytes of one unknown derivation, and of all of them together. */
const ONE_LIMIT = 1024 * 1024
const ALL_LIMIT = 32 * 1024 * 1024

/** The number of derivations that are looked at before other work gets its turn. */
const AT_ONCE = 64

/**
 * Orders derivations in a way that nobody else controls: first those that the ledger admitted, then
 * those that are attested, then a limited number of others. So nobody can crowd out the known ones.
 * Anybody can add any number of derivations, so each costs only a lookup among the names of known
 * files, and other questions are answered in between.
 */
export async function knownFirst(
  inquiry: Inquiry,
  derivations: readonly string[],
  limit = UNKNOWN_LIMIT,
): Promise<readonly string[]> {
  const { known, unknown } = await rankDerivations(inquiry, derivations, limit)
  return [...known, ...unknown]
}

/**
 * Splits derivations into those that are known and, up to the limit, those that are not; each in
 * the order of `knownFirst`.
 */
export async function rankDerivations(
  inquiry: Inquiry,
  derivations: readonly string[],
  limit: number,
): Promise<{ readonly known: readonly string[]; readonly unknown: readonly string[] }> {
  const { attestations } = await inquiry.snapshot()
  const moment = await admittedNow(inquiry)
  const sorted = [...new Set(derivations)].sort()
  const entries = filesNow(namesIn, path => [entryFile(moment.state, digestOf(path))])
  // Where this cannot be read, collecting the evidence says so.
  const words = filesNow(readableNamesIn, path =>
    attestations.flatMap(directory => [attestationFile(directory, path), narinfoFile(directory, path)]),
  )
  const ranked: [admitted: string[], attested: string[], unknown: string[]] = [[], [], []]
  for await (const path of withTurns(sorted, AT_ONCE)) {
    const rank = entries.hasOneOf(path) && isAdmitted(moment, path) ? 0 : words.hasOneOf(path) ? 1 : 2
    if (rank < 2 || ranked[2].length < limit) ranked[rank].push(path)
  }
  return { known: [...ranked[0], ...ranked[1]], unknown: withinBytes(ranked[2]) }
}

function digestOf(path: string): string {
  return parseStorePath(path).digest
}

function isAdmitted({ state, policy, now }: Moment, path: string): boolean {
  const entry = readAdmission(state, digestOf(path), path)
  return entry?.kind === 'derivation' && isCurrent(entry, policy, now)
}

/** Tells which files exist; lists each directory once. */
function filesNow(
  list: (directory: string) => readonly string[],
  filesAbout: (path: string) => readonly string[],
) {
  const directories = new Map<string, ReadonlySet<string>>()
  const namesOf = (directory: string): ReadonlySet<string> => {
    const known = directories.get(directory) ?? new Set(list(directory))
    directories.set(directory, known)
    return known
  }
  return {
    hasOneOf: (path: string): boolean =>
      filesAbout(path).some(file => namesOf(dirname(file)).has(basename(file))),
  }
}

/** Drops derivations that are too large to read: anybody can add derivations of many megabytes. */
function withinBytes(derivations: readonly string[]): readonly string[] {
  let left = ALL_LIMIT
  return derivations.filter(path => {
    const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > ONE_LIMIT || size > left) return false
    left -= size
    return true
  })
}
