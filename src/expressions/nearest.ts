/** The nearest commit, going back in a history, that was signed by enough people. */
import { parseGitCommit } from '../formats/git-object.ts'
import { refsBelow } from '../git/all-refs.ts'
import { comesAfter, type HistoricCommit, historyOf } from '../git/history.ts'
import { allNotes, GIT_SIG_NOTES, NIXSIG_NOTES, notesTree } from '../git/notes.ts'
import { sizesOfType } from '../git/object-sizes.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { judge } from '../policy/judge.ts'
import { listedKeys } from '../policy/key-standing.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import type { Instant, KeyIdentity, Policy } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { judgeRevision, type RevisionQuestion, type RevisionVerdict } from './judge-revision.ts'
import { type NamedSigners, namedSigners } from './named-signers.ts'

/** Commits that are looked at, and of these the ones whose signatures are verified. */
export const HISTORY_LIMIT = 100_000
export const JUDGED_LIMIT = 500

const SHALLOW = 'because the history ends here, for the clone is shallow: git fetch --unshallow'

/** A history to search. */
export interface HistoryQuestion extends RevisionQuestion {
  /**
   * The last commit that is looked at. Others are looked at only if they come after it: what a merge
   * brings in from elsewhere does not. By default the first of all.
   */
  readonly until?: string
  /**
   * Opens a repository that has a commit with its tree, if `repository` has commits alone. Whoever
   * gives it closes what it opened.
   */
  holding?(commit: string): Promise<OpenRepository>
}

/** What was found in a history. */
export interface Nearest {
  /** The nearest commit that is trusted. */
  readonly found?: RevisionVerdict
  /** How many commits were looked at, the one that was found included. */
  readonly walked: number
  /** Why the search ended before the history did. */
  readonly gaveUp?: string
}

/**
 * Searches the history of `commit` for the first trusted commit, itself included. Commits are
 * judged first by ids; unless `contents` is `by-id`, one that passes is then judged with its tree.
 * Throws FileError and FormatError.
 */
export async function nearestTrusted(
  policy: Policy,
  question: HistoryQuestion,
  now: Instant,
): Promise<Nearest> {
  const { repository, commit, until, contents = 'if-needed' } = question
  const annotated = await annotatedCommits(repository)
  const cut = repository.shallow
  let isCut = false
  const couldSuffice = sufficiency(policy, question, now)
  let walked = 0
  let judged = 0
  for await (const each of historyOf(repository, commit, until)) {
    if (walked === HISTORY_LIMIT) return { walked, gaveUp: `after ${HISTORY_LIMIT} commits` }
    walked++
    isCut ||= each.id !== until && cut.has(each.id)
    if (!annotated.has(each.id) && !couldSuffice(each)) continue
    if (judged === JUDGED_LIMIT) return { walked, gaveUp: `after the signatures of ${JUDGED_LIMIT} commits` }
    judged++
    const ask = { ...question, commit: each.id }
    const byId = await judgeRevision(policy, { ...ask, contents: 'by-id' }, now)
    if (byId.verdict.outcome !== 'trusted') continue
    const whole = contents === 'by-id' ? undefined : ((await question.holding?.(each.id)) ?? repository)
    const found = whole === undefined ? byId : await judgeRevision(policy, { ...ask, repository: whole }, now)
    if (found.verdict.outcome !== 'trusted') continue
    if (until === undefined || (await comesAfter(repository, until, each.id))) return { found, walked }
  }
  return isCut ? { walked, gaveUp: SHALLOW } : { walked }
}

/** Commits that have a note, or may have an annotated tag. */
async function annotatedCommits(repository: OpenRepository): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const ref of [NIXSIG_NOTES, GIT_SIG_NOTES]) {
    const head = repository.refs.get(ref)
    if (head === undefined) continue
    const tree = await notesTree(repository, head.id)
    for (const commit of (await allNotes(repository, tree)).keys()) found.add(commit)
  }
  for (const commit of await taggedCommits(repository)) found.add(commit)
  return found
}

/** What annotated tags say that they are of. Each is verified when its commit is judged. */
async function taggedCommits({ directory, objects, refs }: OpenRepository): Promise<readonly string[]> {
  const tags = [...refsBelow(refs, 'refs/tags/').values()]
  const unknown = tags.filter(({ peeled }) => peeled === undefined).map(({ id }) => id)
  const commits = tags.flatMap(({ peeled }) => peeled ?? [])
  for (const [id] of await sizesOfType(directory, 'tag', unknown)) {
    const text = Buffer.from(await objects.read(id, 'tag')).toString('latin1', 0, 200)
    const [, commit] = /^object ([0-9a-f]+)\ntype commit\n/.exec(text) ?? []
    if (commit !== undefined) commits.push(commit)
  }
  return commits
}

/**
 * Tells of a commit whether its own signature would be enough if it were good: more signatures never
 * make a commit less trusted.
 */
function sufficiency(
  policy: Policy,
  { url }: HistoryQuestion,
  now: Instant,
): (commit: HistoricCommit) => boolean {
  const named = namedSigners(listedKeys(policyFor(policy, { name: url, kind: 'expression' })))
  const wouldDo = (keys: readonly KeyIdentity[]): boolean => {
    const claims = keys.map(key => {
      return { key, role: 'committer', path: '', narHash: '', origin: 'the commit itself' } as const
    })
    const subject = { path: '', name: url, kind: 'expression', narHash: '', builtHere: false } as const
    return judge(policy, subject, { claims, strays: [], troubles: [] }, now).outcome === 'trusted'
  }
  const decided = new Map<string, boolean>()
  return commit => {
    const keys = signersOf(commit, named)
    const known = decided.get(keys.join(' '))
    const answer = known ?? wouldDo(keys)
    if (known === undefined) decided.set(keys.join(' '), answer)
    return answer
  }
}

function signersOf({ bytes }: HistoricCommit, named: NamedSigners): readonly KeyIdentity[] {
  if (!bytes.includes('\ngpgsig')) return []
  try {
    const { signed } = parseGitCommit(bytes)
    return signed === undefined ? [] : named(signed.signature)
  } catch (error) {
    if (error instanceof FormatError) return []
    throw error
  }
}
