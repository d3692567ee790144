import type { DetachedResult } from '../../crypto/detached/verify.ts'
import { FileError } from '../../files/regular-file.ts'
import type { CheckedSignature } from '../../formats/in-toto/predicates/verification-summary.ts'
import type { GitRevision } from '../../git/signature.ts'
import { verifyGitRevision } from '../../git/verify.ts'
import type { Key } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import type { Contents } from '../contents.ts'
import { detachedSummary, goodResults } from '../detached-words.ts'
import { BadSignatureError } from '../packaging-error.ts'
import { checkedInputs } from './checked-signature.ts'

/** A repository, by directory or URL, and what was signed in it. */
export interface GitPlace {
  readonly repository: string
  readonly revision: GitRevision
}

/** A good signature in a repository, over files that are the contents of a source. */
export interface GitSignature {
  /** What is signed, in words; not escaped. */
  readonly title: string
  /** The keys that made it, as an attestation names them. */
  readonly inputs: readonly CheckedSignature[]
  readonly results: readonly DetachedResult[]
}

/**
 * Checks the signature on a tag or a commit, and that its files are the contents of a source.
 * Throws BadSignatureError unless one of the keys made it, and FileError if the files are others:
 * then it says nothing of the source.
 */
export async function checkGitSignature(
  { repository, revision }: GitPlace,
  contents: Contents,
  keys: readonly Key[],
): Promise<GitSignature> {
  const { title, results, narHash, signed } = await verifyGitRevision(repository, revision, keys)
  const good = goodResults(results)
  if (good.length === 0) {
    throw new BadSignatureError(
      `nothing attested: the signature of ${printable(title)} is not good: ${detachedSummary(results)}`,
      results,
    )
  }
  if (narHash !== contents.narHash) {
    const hashes = `NAR hash sha256:${narHash}, not sha256:${contents.narHash}`
    const advice = 'a fetcher that runs filters, adds submodules or keeps .git makes others'
    throw new FileError(
      `the files of ${printable(title)} are not those of ${contents.path}: ${hashes} (${advice})`,
    )
  }
  const inputs = checkedInputs(
    good.map(({ key }) => key),
    signed.signature,
  )
  return { title, inputs, results: good }
}
