/** Who signed a commit, and whether that is enough: docs/semantics.md, X1. */
import { keyRing } from '../crypto/envelope.ts'
import { openWork, WorkLimitError } from '../crypto/work.ts'
import { mergeEvidence } from '../evidence/merge.ts'
import { FileError } from '../files/regular-file.ts'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import type { GitCommit } from '../formats/git-object.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES } from '../git/notes.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { judge } from '../policy/judge.ts'
import { holderOf, listedKeys } from '../policy/key-standing.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Instant, Policy } from '../policy/policy.ts'
import type { Claim, Evidence, Subject, Verdict } from '../policy/verdict.ts'
import { FormatError } from '../primitives/format-error.ts'
import { gitSigSignatures, nixsigSignatures } from './noted-signatures.ts'
import { packetReader } from './openpgp-candidates.ts'
import { readRevision, withContents } from './read-revision.ts'
import { type Found, type Revision, type RevisionSignature, type Search, strayOnly } from './revision.ts'
import { ownSignature, tagSignatures } from './signed-objects.ts'

/**
 * Units of work (see crypto/work.ts) for the signatures of one commit in each of the four places
 * where they are: 10 seconds. What fills one place takes nothing from the others.
 */
const WORK_LIMIT = 200_000

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
  given: Policy,
  question: RevisionQuestion,
  now: Instant,
): Promise<RevisionVerdict> {
  const { repository, commit, url, contents = 'if-needed' } = question
  const policy = policyFor(given, { name: url, kind: 'expression' })
  const subject = (narHash: string): Subject => {
    return { path: commit, name: url, kind: 'expression', narHash, builtHere: false }
  }
  const scratch = makeScratch('revision')
  try {
    const read = await readRevision(repository, commit, 'by-id')
    const keys = listedKeys(policy)
    const openPgp = { packetsOf: packetReader(), verified: new Set<string>() }
    const search = { repository, revision: read.revision, keys, ring: keyRing(keys), ...openPgp, scratch }
    const found = await findSignatures(search, read.parsed)
    const signatures = found.flatMap(each => each.signatures).flatMap(each => withPrincipal(policy, each))
    const verdictOn = ({ narHash }: Revision) =>
      judgeEnough(policy, subject(narHash), evidenceFor(found, narHash), now)
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

/**
 * Judges without what could not be decided: more signatures never make a commit less trusted, and
 * anybody may write some that nobody can decide. Only where the others are too few does it matter.
 */
function judgeEnough(policy: Policy, subject: Subject, evidence: Evidence, now: Instant): Verdict {
  const undecided = evidence.troubles.map(({ origin, detail }) => {
    return { problem: 'unreadable', origin, detail } as const
  })
  const strays = [...evidence.strays, ...undecided]
  const verdict = judge(policy, subject, { ...evidence, strays, troubles: [] }, now)
  return verdict.outcome === 'trusted' ? verdict : judge(policy, subject, evidence, now)
}

/** Looks in every place, in turn. What is left in one when its work is used up is reported. */
async function findSignatures(search: Omit<Search, 'work'>, commit: GitCommit): Promise<readonly Found[]> {
  const places: Readonly<Record<string, (search: Search) => AsyncGenerator<Found>>> = {
    'the commit': each => ownSignature(each, commit),
    tags: tagSignatures,
    [NIXSIG_NOTES]: nixsigSignatures,
    [GIT_SIG_NOTES]: gitSigSignatures,
  }
  const found: Found[] = []
  for (const [name, signatures] of Object.entries(places)) {
    try {
      for await (const each of signatures({ ...search, work: openWork(WORK_LIMIT) })) found.push(each)
    } catch (error) {
      if (!(error instanceof WorkLimitError)) throw error
      found.push(strayOnly('unreadable', `the signatures in ${name}`, error.message))
    }
  }
  return found
}

function withPrincipal(policy: Policy, signature: RevisionSignature) {
  const holder = holderOf(policy, signature.key)
  return holder === undefined ? [] : [{ ...signature, principal: holder.principal.name }]
}
