import { dirname } from 'node:path'
import { openSources } from '../evidence/remote/sources.ts'
import { protectedPath, readProtectedFile } from '../files/owned-file.ts'
import { decodeUtf8 } from '../formats/json/strict.ts'
import { type PolicySnapshot, type StampedFile, writeSnapshot } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import { parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { Places } from './places.ts'

const POLICY_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * The policy, checked and parsed. Throws FileError if a file cannot be trusted and PolicyError if the text is no
 * policy. With `remember`, notes its digest for later hooks.
 */
export function loadPolicy(places: Places, options: { readonly remember: boolean }): Policy {
  const { policy, files } = readPolicy(places)
  if (options.remember) writeSnapshot(places.state, policy, files)
  return policy
}

/** The same with the files that it was read from: policy.toml, then its certificates. */
export function readPolicy(places: Places): {
  readonly policy: Policy
  readonly files: readonly StampedFile[]
} {
  const files: StampedFile[] = []
  const read = (path: string, limit: number): Buffer => {
    const stamp = versionOf(protectedPath(path))
    const bytes = readProtectedFile(path, limit)
    files.push([path, stamp === versionOf(protectedPath(path)) ? stamp : undefined])
    return bytes
  }
  const toml = read(places.policy, POLICY_LIMIT)
  const policy = parsePolicy({
    toml: decodeUtf8(toml, 'policy'),
    file: places.policy,
    directory: dirname(places.policy),
    certificate: path => read(path, CERTIFICATE_LIMIT),
  })
  return { policy, files }
}

/**
 * With all directories in which attestations are looked for: the mirrors of the sources among them, or in place of both
 * what the caller named.
 */
export function withPlaces<T extends PolicySnapshot>(places: Places, policy: T): T {
  if (places.attestations !== undefined) return { ...policy, attestations: places.attestations, sources: [] }
  const mirrors = openSources(places.state, policy.sources).directories
  return { ...policy, attestations: [...policy.attestations, ...mirrors] }
}
