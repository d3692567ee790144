import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DetachedResult, verifyDetached } from '../crypto/detached/verify.ts'
import type { Key } from '../policy/policy.ts'
import { openGitObjects } from './objects.ts'
import { type Received, withRevision } from './repository.ts'
import { type GitRevision, readSignedRevision, type SignedRevision } from './signature.ts'
import { narHashOfGitTree } from './tree-nar.ts'

/**
 * A signed revision, with the result of its signature for each key and the NAR hash of its files.
 */
export interface VerifiedRevision extends SignedRevision {
  readonly results: readonly DetachedResult[]
  /** The SHA-256 NAR hash of its tree, in lower-case hex, without submodules and filters. */
  readonly narHash: string
}

/**
 * Verifies the signature of a tag or a commit with keys, and hashes its tree. `place` is a
 * directory or a URL. Throws FileError and FormatError as withRevision, readSignedRevision and
 * narHashOfGitTree do.
 */
export function verifyGitRevision(
  place: string,
  revision: GitRevision,
  keys: readonly Key[],
): Promise<VerifiedRevision> {
  return withRevision(place, revision, received => verifyReceived(received, revision, keys))
}

async function verifyReceived(
  { directory, id }: Received,
  revision: GitRevision,
  keys: readonly Key[],
): Promise<VerifiedRevision> {
  const objects = openGitObjects(directory)
  try {
    const signed = await readSignedRevision(objects, revision, id)
    const file = join(directory, 'payload')
    writeFileSync(file, signed.signed.payload)
    const results = await verifyDetached({ file, signature: signed.signed.signature, keys, use: 'git' })
    return { ...signed, results, narHash: await narHashOfGitTree(objects, signed.tree) }
  } finally {
    objects.close()
  }
}
