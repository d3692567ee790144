/**
 * The policy as it lies on the disk. A hook whose every answer stands in the ledger needs only to know that the policy
 * is still the one under which they were given, so what that takes is kept beside the ledger in `<state>/policy`:
 *
 *     nixsig1 <SHA-256 of policy.toml> <digest of the policy>
 *     attestations <absolute directory>                 once for each, in order
 *     certificate <inode>:<ctime in nanoseconds> <absolute path>   likewise
 *
 * It is believed only while policy.toml has those bytes and every certificate is that very file; else all is read anew.
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, readProtectedFile } from '../files/owned-file.ts'
import { stampOf } from '../ledger/stamp.ts'
import type { Policy } from '../policy/policy.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import type { Places } from './places.ts'

const POLICY_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 4 * 1024 * 1024
const SNAPSHOT_LIMIT = 4 * 1024 * 1024

/** As much of the policy as can be known without reading its language. */
export interface PolicySnapshot {
  readonly digest: string
  /** Directories of attestations that the policy names. */
  readonly attestations: readonly string[]
}

/**
 * The policy, checked and parsed. Throws FileError if a file cannot be trusted and PolicyError if the text is no
 * policy. Remembers its digest for later hooks, where the state directory can be written.
 */
export async function loadPolicy(places: Places): Promise<Policy> {
  const { parsePolicy } = await import('../policy/language/parse.ts')
  const toml = readProtectedFile(places.policy, POLICY_LIMIT)
  const stamps = new Map<string, string | undefined>()
  const policy = parsePolicy({
    toml: new TextDecoder('utf-8', { fatal: true }).decode(toml),
    file: places.policy,
    directory: join(places.policy, '..'),
    certificate: path => {
      stamps.set(path, stampOf(path))
      return readProtectedFile(path, CERTIFICATE_LIMIT)
    },
  })
  rememberSnapshot(places, toml, policy, stamps)
  return policy
}

/** The snapshot of the policy in force; undefined if it must be parsed first. Throws FileError like loadPolicy. */
export function readSnapshot(places: Places): PolicySnapshot | undefined {
  const toml = readProtectedFile(places.policy, POLICY_LIMIT)
  const text = readOwnedFile(join(places.state, 'policy'), SNAPSHOT_LIMIT)?.toString('utf8')
  const [head, ...lines] = text?.split('\n') ?? []
  const [, source, digest] = /^nixsig1 ([0-9a-f]{64}) ([0-9a-f]{64})$/.exec(head ?? '') ?? []
  if (digest === undefined || source !== toHex(sha256(toml)) || lines.pop() !== '') return undefined
  const attestations: string[] = []
  for (const line of lines) {
    const [, directory, stamp, certificate] =
      /^(?:attestations (\/.*)|certificate (\d+:\d+) (\/.*))$/.exec(line) ?? []
    if (directory !== undefined) attestations.push(directory)
    else if (certificate === undefined || stampOf(certificate) !== stamp) return undefined
  }
  return { digest, attestations }
}

function rememberSnapshot(
  places: Places,
  toml: Uint8Array,
  policy: Policy,
  stamps: ReadonlyMap<string, string | undefined>,
): void {
  const certificates = [...stamps].map(([path, stamp]) => `certificate ${stamp ?? 'none'} ${path}\n`)
  const directories = policy.attestations.map(directory => `attestations ${directory}\n`)
  const text = `nixsig1 ${toHex(sha256(toml))} ${policy.digest}\n${directories.join('')}${certificates.join('')}`
  // A user who may not write here (or a path with a line break in it) loses speed, nothing else.
  if (/[\n\r]/.test([...policy.attestations, ...stamps.keys()].join(''))) return
  try {
    writeDurably(join(places.state, 'policy'), text, { flush: false })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
  }
}
