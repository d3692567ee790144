/**
 * sequoia-git's semantics (docs/semantics.md, A5 to A7): a way of commits leads from the tip to the
 * introduction, each authorized by the policy of the one before it.
 */
import {
  type OpenPgpGitPolicy,
  parseOpenPgpGitPolicy,
  VOID_POLICY,
} from '../../formats/openpgp-git-policy.ts'
import { readFiles } from './files-at.ts'
import type { HistoryCommit } from './history.ts'
import { HistoryRefused, type Refusal } from './refusal.ts'
import type { Asked, Authentic } from './semantics.ts'
import { type EdgeJudge, openEdgeJudge } from './sequoia-edge.ts'

interface Walk extends Asked {
  readonly judge: EdgeJudge
  readonly policyOf: (commit: HistoryCommit) => OpenPgpGitPolicy
  readonly roots: ReadonlySet<string>
  /** Fingerprints of keys that are revoked for all time anywhere in the history. */
  readonly revoked: ReadonlySet<string>
  /** Commits from which an authentic way leads to the tip. */
  readonly reached: Set<string>
  /** The goodlists of all commits on such ways after a commit. */
  readonly goodlists: Map<string, Set<string>>
  readonly keys: Map<string, string>
  readonly signers: Map<string, number>
  readonly failures: Refusal[]
  until: number
}

/**
 * Judges a history, from the tip down. Throws HistoryRefused, with what is refused on the way of
 * first parents if there is something, if no authentic way leads to a root.
 */
export async function authenticateBySequoiaGit(asked: Asked): Promise<Authentic> {
  const walk = await prepare(asked)
  assertStillGood(walk)
  for (const id of [...asked.collected.order].reverse()) {
    if (walk.reached.has(id) && !walk.roots.has(id)) await stepDown(walk, asked.collected.history.commit(id))
  }
  if ([...walk.roots].some(root => walk.reached.has(root))) return resultOf(walk)
  throw new HistoryRefused(reported(walk))
}

async function prepare(asked: Asked): Promise<Walk> {
  const { collected, pair, known, introduction, tip } = asked
  const commits = collected.order.map(id => collected.history.commit(id))
  const files = await readFiles(pair, commits, { parse: parseOpenPgpGitPolicy, rule: 'A5' })
  const policyOf = (commit: HistoryCommit) => files.of(commit) ?? VOID_POLICY
  const judge = openEdgeJudge(asked.now)
  const revoked = new Set(known.flatMap(each => each.revoked))
  for (const policy of distinct(commits, policyOf)) for (const key of judge.revoked(policy)) revoked.add(key)
  return {
    ...asked,
    ...{ judge, policyOf, revoked, failures: [], goodlists: new Map() },
    roots: new Set(known.length > 0 ? known.map(({ commit }) => commit) : [introduction.commit]),
    reached: new Set([tip]),
    keys: new Map(known.flatMap(each => [...each.keys])),
    signers: new Map(),
    until: Math.min(...known.map(each => each.until ?? Number.POSITIVE_INFINITY)),
  }
}

/** The policies of the commits. One that cannot be read authorizes nothing and revokes nothing. */
function distinct(
  commits: readonly HistoryCommit[],
  policyOf: (commit: HistoryCommit) => OpenPgpGitPolicy,
): ReadonlySet<OpenPgpGitPolicy> {
  const policies = new Set<OpenPgpGitPolicy>()
  for (const commit of commits) {
    try {
      policies.add(policyOf(commit))
    } catch (error) {
      if (!(error instanceof HistoryRefused)) throw error
    }
  }
  return policies
}

/** What is known from before rests on keys that may have been revoked for all time since. */
function assertStillGood({ known, revoked }: Walk): void {
  for (const { commit, keys, revoked: before } of known) {
    const since = [...revoked].filter(key => !before.includes(key))
    const [lost] = since.filter(key => keys.has(key) || [...keys.values()].includes(key))
    if (lost === undefined) continue
    const found = `key ${lost} was revoked since`
    const next = 'nixsig git authenticate --all, with the same arguments, looks at all of it again'
    throw new HistoryRefused({
      code: 'revoked-key',
      commit,
      rule: 'A7',
      needed: 'keys that were not revoked',
      found,
      next,
    })
  }
}

/** Looks for parents that authorize this commit. */
async function stepDown(walk: Walk, commit: HistoryCommit): Promise<void> {
  const { history } = walk.collected
  const policy = walk.policyOf(commit)
  const isListed = walk.goodlists.get(commit.id)?.has(commit.id) === true
  const failures: Refusal[] = []
  const signed = new Set<string>()
  for (const id of commit.parents.filter(parent => history.has(parent))) {
    const parent = { id, policy: walk.policyOf(history.commit(id)) }
    const edge = await walk.judge.judge({ commit, policy, parent, revoked: walk.revoked, isListed })
    if ('refusal' in edge) failures.push(edge.refusal)
    else {
      walk.reached.add(id)
      const { key, primary, ends = Number.POSITIVE_INFINITY } = edge
      walk.keys.set(key, primary)
      walk.until = Math.min(walk.until, ends)
      signed.add(key)
      const list = walk.goodlists.get(id) ?? new Set()
      walk.goodlists.set(id, list)
      for (const good of [...policy.goodlist, ...(walk.goodlists.get(commit.id) ?? [])]) list.add(good)
    }
  }
  for (const key of signed) walk.signers.set(key, (walk.signers.get(key) ?? 0) + 1)
  if (signed.size === 0) walk.failures.push(failures[0] ?? unbegun(commit))
}

function unbegun({ id }: HistoryCommit): Refusal {
  const needed = 'a parent that authorizes it, up to the introduction'
  const next = 'name the introduction of this history'
  return {
    code: 'not-a-descendant',
    commit: id,
    rule: 'A2',
    needed,
    found: 'no parent in this history',
    next,
  }
}

function resultOf({ tip, keys, signers, revoked, until }: Walk): Authentic {
  const ends = Number.isFinite(until) ? { until } : {}
  return { signers, tip: { commit: tip, keys, revoked: [...revoked], ...ends } }
}

/** The failure to report: on the way of first parents from the tip, else the first. */
function reported({ tip, collected: { history, order }, failures }: Walk): Refusal {
  const line = new Set<string>()
  for (
    let id: string | undefined = tip;
    id !== undefined && history.has(id);
    id = history.commit(id).parents[0]
  ) {
    line.add(id)
  }
  const found = failures.find(({ commit }) => line.has(commit)) ?? failures[0]
  return found ?? unbegun(history.commit(order.at(-1) ?? tip))
}
