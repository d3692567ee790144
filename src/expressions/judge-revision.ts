/** Who signed a commit, and whether that is enough: docs/semantics.md, X1. */
import { keyRing } from '../crypto/envelope.ts'
import { openWork, WorkLimitError } from '../crypto/work.ts'
import { mergeEvidence } from '../evidence/merge.ts'
import { FileError } from '../files/regular-file.ts'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import type { GitCommit } from '../formats/git-object.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { judge } from '../policy/judge.ts'
import { holderOf, listedKeys } from '../policy/key-standing.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Subject, Verdict } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { gitSigSignatures, nixsigSignatures } from './noted-signatures.ts'
import { readRevision, withContents } from './read-revision.ts'
import { type Found, type Revision, type RevisionSignature, type Search, strayOnly } from './revision.ts'
import { ownSignature, tagSignatures } from './signed-objects.ts'

/** Units of work (see crypto/work.ts) for the signatures of one commit: 20 seconds. */
const WORK_LIMIT = 400_000

/** A commit to judge. */
export interface RevisionQuestion {
  readonly repository: OpenRepository
  /** The canonical URL by which `[[inputs]]` names the repository. */
  readonly url: string
  /** The whole id of the commit. */
  readonly commit: string
  /**
   * Whether the NAR hash of its tree is computed, and compared with what nixsig's notes say: `hashed`
   * (always), `if-needed` (by default: unless the signatures are too few whatever it is), or `by-id`
   * (never: only git's ids are compared, enough to look for a commit, not to trust it).
   */
  readonly contents?: 'hashed' | 'if-needed' | 'by-id'
}

/** The verdict on a commit, and what it rests on. */
export interface RevisionVerdict {
  readonly verdict: Verdict
  readonly commit: string
  /**
   * What was read of the commit; absent if it could not be read: the verdict says why. Its NAR hash is
   * empty if there was no need to compute it.
   */
  readonly revision?: Revision
  /** The signatures that verified, by keys of the trusted list, whether they count or not. */
  readonly signatures: readonly (RevisionSignature & { readonly principal: string })[]
}

/**
 * Judges a commit: collects the signatures of the commit itself, of annotated tags on it and in
 * notes, and compares them with what the policy requires of commits of this repository. Each person
 * counts once, however they signed. What cannot be read of the commit or its tree makes the verdict
 * indeterminate. The tree, which anybody can make costly, is read last: not for a commit that its
 * signatures do not make trusted whatever is in it.
 */
export async function judgeRevision(
  policy: Policy,
  question: RevisionQuestion,
  now: Instant,
): Promise<RevisionVerdict> {
  const { repository, commit, url, contents = 'if-needed' } = question
  const subject = (narHash: string): Subject => {
    return { path: commit, name: url, kind: 'expression', narHash, builtHere: false }
  }
  const scratch = makeScratch('revision')
  try {
    const read = await readRevision(repository, commit, 'by-id')
    const keys = listedKeys(policy)
    const work = openWork(WORK_LIMIT)
    const search = { repository, revision: read.revision, keys, ring: keyRing(keys), work, scratch }
    const found = await findSignatures(search, read.parsed)
    const signatures = found.flatMap(each => each.signatures).flatMap(each => withPrincipal(policy, each))
    const verdictOn = ({ narHash }: Revision) =>
      judge(policy, subject(narHash), evidenceFor(found, narHash), now)
    const byId = verdictOn(read.revision)
    if (contents === 'by-id' || (contents === 'if-needed' && !couldDiffer(byId, found))) {
      return { verdict: byId, commit, revision: read.revision, signatures }
    }
    const { revision } = await withContents(repository, read)
    return { verdict: verdictOn(revision), commit, revision, signatures }
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    const troubles = [{ origin: `commit ${commit}`, detail: error.message }]
    const verdict = judge(policy, subject(''), { claims: [], strays: [], troubles } satisfies Evidence, now)
    return { verdict, commit, signatures: [] }
  } finally {
    removeScratch(scratch)
  }
}

/** The evidence about a tree with this hash; an empty one: about whatever its id stands for. */
function evidenceFor(found: readonly Found[], narHash: string): Evidence {
  return mergeEvidence(
    found.map(({ evidence }) => {
      const about = (claim: Claim) => (narHash === '' || claim.narHash === '' ? { ...claim, narHash } : claim)
      return { ...evidence, claims: evidence.claims.map(about) }
    }),
  )
}

/**
 * Whether the contents of the tree could change anything: the verdict is that it is trusted, or
 * somebody on the trusted list signed a statement of what is in it.
 */
function couldDiffer({ outcome }: Verdict, found: readonly Found[]): boolean {
  return (
    outcome === 'trusted' ||
    found.some(({ evidence }) => evidence.claims.some(({ narHash }) => narHash !== ''))
  )
}

/** Looks in every place, in turn. What is left when the work is used up is reported. */
async function findSignatures(search: Search, commit: GitCommit): Promise<readonly Found[]> {
  const found: Found[] = []
  try {
    for await (const each of ownSignature(search, commit)) found.push(each)
    for await (const each of tagSignatures(search)) found.push(each)
    for await (const each of nixsigSignatures(search)) found.push(each)
    for await (const each of gitSigSignatures(search)) found.push(each)
  } catch (error) {
    if (!(error instanceof WorkLimitError)) throw error
    found.push(strayOnly('unreadable', 'the signatures of the commit', error.message))
  }
  return found
}

function withPrincipal(policy: Policy, signature: RevisionSignature) {
  const holder = holderOf(policy, signature.key)
  return holder === undefined ? [] : [{ ...signature, principal: holder.principal.name }]
}
