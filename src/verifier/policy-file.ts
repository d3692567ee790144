import { dirname } from 'node:path'
import { keepCertificates, keptCertificates } from '../evidence/certified/keep.ts'
import { readCertificates } from '../evidence/certified/read.ts'
import { openSources } from '../evidence/remote/sources.ts'
import { protectedPath, readProtectedFile } from '../files/owned-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { type PolicySnapshot, type StampedFile, writeSnapshot } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import { applyCertificates, certifyingKeys, type KeyCertificate } from '../policy/certified.ts'
import { expressionTrust } from '../policy/expression-trust.ts'
import { parsePolicy } from '../policy/language/parse.ts'
import type { Book } from '../policy/lists/book.ts'
import type { Policy } from '../policy/policy.ts'
import { bookReader, knowingMachine } from './books.ts'
import type { Places } from './places.ts'

const POLICY_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * Loads the policy, checked and parsed. Throws FileError if a file cannot be trusted and
 * PolicyError if the text is not a valid policy. With `remember`, notes the policy's digest for
 * later hooks.
 */
export function loadPolicy(places: Places, options: { readonly remember: boolean }): Policy {
  const { policy, files } = readPolicy(places)
  if (options.remember) writeSnapshot(places.state, policy, files)
  return policy
}

/** A policy, and the files that it was read from. */
export interface ReadPolicy {
  readonly policy: Policy
  readonly files: readonly StampedFile[]
}

/**
 * Reads the policy, and returns it with the files that it was read from: policy.toml, then its
 * certificates and the books of its lists. Books in `books`, by the names of their lists, take the
 * place of those. Throws as `loadPolicy` does.
 */
export function readPolicy(places: Places, books: ReadonlyMap<string, Book> = new Map()): ReadPolicy {
  const files: StampedFile[] = []
  const read = (path: string, limit: number): Buffer => {
    const stamp = versionOf(protectedPath(path))
    const bytes = readProtectedFile(path, limit)
    files.push([path, stamp === versionOf(protectedPath(path)) ? stamp : undefined])
    return bytes
  }
  const toml = read(places.policy, POLICY_LIMIT)
  const readBook = bookReader(places.state, files)
  const parsed = parsePolicy({
    toml: decodeUtf8(toml, 'policy'),
    file: places.policy,
    directory: dirname(places.policy),
    certificate: path => read(path, CERTIFICATE_LIMIT),
    book: name => books.get(name) ?? readBook(name),
  })
  return { policy: knowingMachine(places, parsed), files }
}

/**
 * What in a policy verdicts on expressions depend on, as one value: see expressionTrust. Throws
 * FileError if a certificate cannot be read.
 */
export function expressionTrustOf(policy: Policy): string {
  return expressionTrust(policy, path => readProtectedFile(path, CERTIFICATE_LIMIT))
}

/** A policy with the certified keys in it, and the files of certificates as they were then. */
export interface CertifiedPolicy {
  readonly policy: Policy
  readonly certificates: readonly (readonly [path: string, version: string | undefined])[]
}

/**
 * Adds the keys that keys of the policy certify, as the policy's directories and this machine's own
 * state have it. With `keep`, certificates that count are kept. Never throws because of a
 * certificate. Costs nothing for a policy whose keys certify none.
 */
export function withCertified(
  places: Places,
  policy: Policy,
  { keep }: { readonly keep: boolean },
): CertifiedPolicy {
  if (certifyingKeys(policy).length === 0) return { policy, certificates: [] }
  const directories = [...policy.attestations, keptCertificates(places.state)]
  const files: [string, string | undefined][] = []
  const note = (file: string) => void files.push([file, versionOf(file)])
  const { certificates, problems } = readCertificates(policy, directories, note)
  const { policy: extended, accepted } = applyCertificates(
    policy,
    certificates,
    Math.floor(Date.now() / 1000),
  )
  const counting = new Set<KeyCertificate>(accepted)
  if (keep) {
    const chosen = certificates.filter(one => counting.has(one))
    keepCertificates(places.state, chosen, certificates)
  }
  if (problems.length === 0) return { policy: extended, certificates: files }
  const refusedCertificates = [...(extended.refusedCertificates ?? []), ...problems.slice(0, 16)]
  return { policy: { ...extended, refusedCertificates }, certificates: files }
}

/**
 * A policy with the certified keys that count on this machine, and with the keys of the machine
 * itself. Writes nothing. Throws a system error if the state directory cannot be read.
 */
export function certifiedHere(places: Places, policy: Policy): Policy {
  return withCertified(places, withPlaces(places, knowingMachine(places, policy)), { keep: false }).policy
}

/**
 * Adds to a policy all directories in which attestations are looked for: its own and the mirrors of
 * its sources. If the caller named directories, those replace both.
 */
export function withPlaces<T extends PolicySnapshot>(places: Places, policy: T): T {
  if (places.attestations !== undefined) return { ...policy, attestations: places.attestations, sources: [] }
  const mirrors = openSources(places.mirrors ?? places.state, policy.sources).directories
  return { ...policy, attestations: [...policy.attestations, ...mirrors] }
}
