import { dirname } from 'node:path'
import { protectedPath, readProtectedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { type StampedFile, writeSnapshot } from '../ledger/policy-snapshot.ts'
import { versionOf } from '../ledger/stamp.ts'
import { parsePolicy } from '../policy/language/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { Places } from './places.ts'

const POLICY_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * The policy, checked and parsed. Throws FileError if a file cannot be trusted and PolicyError if the text is no
 * policy. Remembers its digest for later hooks, where the state directory can be written.
 */
export function loadPolicy(places: Places): Policy {
  const files: StampedFile[] = []
  const read = (path: string, limit: number): Buffer => {
    const stamp = versionOf(protectedPath(path))
    const bytes = readProtectedFile(path, limit)
    files.push([path, stamp === versionOf(protectedPath(path)) ? stamp : undefined])
    return bytes
  }
  const toml = read(places.policy, POLICY_LIMIT)
  const policy = parsePolicy({
    toml: decode(toml, places.policy),
    file: places.policy,
    directory: dirname(places.policy),
    certificate: path => read(path, CERTIFICATE_LIMIT),
  })
  try {
    writeSnapshot(places.state, policy, files)
  } catch (error) {
    // A user who may not write there loses speed, nothing else.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
  }
  return policy
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new FileError(`${file} is not UTF-8`)
  }
}
