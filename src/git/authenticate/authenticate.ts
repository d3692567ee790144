import { join, resolve } from 'node:path'
import { ArgumentError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { GUIX_AUTHORIZATIONS } from '../../formats/guix-authorizations.ts'
import { OPENPGP_POLICY } from '../../formats/openpgp-git-policy.ts'
import { printable } from '../../primitives/printable.ts'
import { assertDetectsCollisions } from '../collisions.ts'
import { layoutOf } from '../layout.ts'
import { hasObject, openGitObjects } from '../objects.ts'
import { type OpenRepository, openRepository } from '../open-repository.ts'
import { makeOwnRepository } from '../own-repository.ts'
import { ELSEWHERE, isElsewhere } from '../receive.ts'
import { collect } from './collect.ts'
import { authenticateByGuix, certificateDigest } from './guix.ts'
import { type Keyring, readKeyring } from './keyring.ts'
import { readMemory, remember } from './memory.ts'
import type { Pair } from './pack-across.ts'
import { HistoryRefused, type Refusal } from './refusal.ts'
import type { Authentic, Introduction, KnownTip } from './semantics.ts'
import { authenticateBySequoiaGit } from './sequoia-git.ts'

/** A history to authenticate. */
export interface Question {
  /** The directory of a repository, bare or the top of a work tree. */
  readonly place: string
  readonly introduction: Introduction
  /** A whole id, `HEAD`, a branch or a tag. */
  readonly revision: string
  /** Guix: the branch with the keys. */
  readonly keyring: string
  /** Where authentic histories are remembered; undefined to remember nothing and look at all. */
  readonly memory: string | undefined
  /** Seconds since 1970. */
  readonly now: number
}

/** The answer, and what else the user should know (escaped). */
export type Answer = { readonly tip: string; readonly remarks: readonly string[] } & (
  | {
      readonly outcome: 'authentic'
      /** Commits that were verified now, by the fingerprint of the key that signed. */
      readonly signers: ReadonlyMap<string, number>
      /** What was known to be authentic before; absent if everything was verified now. */
      readonly since?: readonly string[]
    }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
)

/**
 * Authenticates a history from its introduction on. Git never runs in the repository itself: its
 * objects are copied into one of our own, which is removed. Throws FileError if the repository, the
 * revision or the branch is absent.
 */
export async function authenticate(question: Question): Promise<Answer> {
  const place = resolve(question.place)
  const repository = openRepository(place)
  const directory = makeScratch('history')
  try {
    const pair = { view: repository.directory, received: join(directory, 'received') }
    makeOwnRepository(pair.received, repository.idSize)
    const examined = repository.idSize === 20 ? assertDetectsCollisions(directory) : undefined
    // Both end before the directory is removed.
    const [answer] = await Promise.allSettled([answerIn(repository, pair, question), examined])
    await examined
    if (answer.status === 'rejected') throw answer.reason
    return withAdvice(answer.value, nextForMissing(repository, question.introduction, place))
  } finally {
    removeScratch(directory)
    repository.close()
  }
}

async function answerIn(repository: OpenRepository, pair: Pair, question: Question): Promise<Answer> {
  const tip = await repository.resolve(question.revision)
  const isGuix = question.introduction.semantics === 'guix'
  const keyring = isGuix ? await readKeyring(pair, branchOf(repository, question.keyring)) : undefined
  return answerOf({ question, pair, tip, keyring })
}

/** The commit of a branch, here or of origin. Throws FileError. */
function branchOf({ refs, title }: OpenRepository, branch: string): string {
  const id = refs.get(`refs/heads/${branch}`) ?? refs.get(`refs/remotes/origin/${branch}`)
  if (id !== undefined) return id.id
  throw new ArgumentError(
    `there is no branch ${printable(branch, 100)} in ${title}, here or of origin; next: fetch it, or name the branch that has the keys (--keyring)`,
  )
}

interface Work {
  readonly question: Question
  readonly pair: Pair
  readonly tip: string
  readonly keyring: Keyring | undefined
}

/** First with what is known from before; if that is not enough, from the introduction on. */
async function answerOf(work: Work): Promise<Answer> {
  const { question, tip } = work
  const { introduction, memory: directory } = question
  const memory = directory === undefined ? { tips: [] } : readMemory(directory, introduction)
  const doubts = memory.doubt === undefined ? [] : [`not believed: ${memory.doubt}`]
  const known = await stillKnown(work, memory.tips)
  const same = known.find(({ commit }) => commit === tip)
  if (same !== undefined) {
    return { outcome: 'authentic', tip, remarks: doubts, signers: new Map(), since: [tip] }
  }
  try {
    const quick = known.length > 0 ? await orNothing(() => judge(work, known)) : undefined
    const { result, roots } = quick ?? (await judge(work, []))
    const problem =
      directory === undefined
        ? undefined
        : remember(directory, introduction, { tips: known, tip: result.tip })
    const remarks = problem === undefined ? doubts : [...doubts, `not remembered: ${problem}`]
    const since = quick === undefined ? {} : { since: roots }
    return { outcome: 'authentic', tip, remarks, signers: result.signers, ...since }
  } catch (error) {
    if (error instanceof HistoryRefused)
      return { outcome: 'refused', tip, remarks: doubts, refusal: error.refusal }
    throw error
  }
}

/** The result, and those of the roots at which the history begins. */
async function judge(
  { question, pair, tip, keyring }: Work,
  known: readonly KnownTip[],
): Promise<{ readonly result: Authentic; readonly roots: readonly string[] }> {
  const { introduction, now } = question
  const roots = known.length > 0 ? known.map(({ commit }) => commit) : [introduction.commit]
  const fileName = keyring === undefined ? OPENPGP_POLICY : GUIX_AUTHORIZATIONS
  const collected = await collect(pair, { tip, roots, fileName })
  const asked = { pair, tip, introduction, roots: new Set(roots), collected, known, now }
  const result =
    keyring === undefined ? await authenticateBySequoiaGit(asked) : await authenticateByGuix(asked, keyring)
  const reached = new Set(collected.order)
  return { result, roots: roots.filter(root => reached.has(root)) }
}

/** What is refused by what is known from before is looked at as a whole. */
async function orNothing<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof HistoryRefused) return undefined
    throw error
  }
}

/**
 * The known tips that are in this repository and rest on nothing that changed: no signature has
 * ended, and each key's certificate is the one of that time.
 */
async function stillKnown(
  { question, pair, keyring }: Work,
  tips: readonly KnownTip[],
): Promise<readonly KnownTip[]> {
  const isCurrent = ({ until = Number.POSITIVE_INFINITY, keys }: KnownTip) =>
    until > question.now &&
    (keyring === undefined ||
      [...keys].every(([key, digest]) =>
        keyring.find([key]).some(certificate => certificateDigest(certificate) === digest),
      ))
  const current = tips.filter(isCurrent)
  if (current.length === 0) return []
  const objects = openGitObjects(pair.view)
  try {
    const found: KnownTip[] = []
    for (const tip of current) if (await hasObject(objects, tip.commit, 'commit')) found.push(tip)
    return found
  } finally {
    objects.close()
  }
}

/** What to do about a commit that is absent, by what the clone is. */
function nextForMissing(
  { shallow }: OpenRepository,
  introduction: Introduction,
  place: string,
): (commit: string) => string {
  if (isElsewhere(layoutOf(place).objects)) return () => ELSEWHERE
  if (shallow.size > 0) return () => 'fetch all of it (git fetch --unshallow), and try again'
  return commit =>
    commit === introduction.commit
      ? "compare the introduction's id with the one that you were given; if it is right, fetch its branch"
      : 'clone it anew, for this clone is not shallow and lacks it or has it damaged (git fsck)'
}

function withAdvice(answer: Answer, next: (commit: string) => string): Answer {
  if (answer.outcome !== 'refused' || answer.refusal.code !== 'missing-object') return answer
  const { refusal } = answer
  return { ...answer, refusal: { ...refusal, next: next(refusal.commit) } }
}
