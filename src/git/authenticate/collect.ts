import { FileError } from '../../files/regular-file.ts'
import { parseGitCommit } from '../../formats/git-object.ts'
import { hasCommit, openGitObjects } from '../objects.ts'
import { type Commits, commitIn, type History, missing, readCommits, withFiles } from './history.ts'
import { type Pair, packAcross } from './pack-across.ts'
import { HistoryRefused } from './refusal.ts'

/** What to look at: everything that `tip` builds on, down to `roots`. */
export interface Range {
  readonly tip: string
  /** Commits at which the history begins: the introduction, or what is known to be authentic. */
  readonly roots: readonly string[]
  /** The file to find at the top of each commit's tree. */
  readonly fileName: string
}

/** A history that was copied. */
export interface Collected {
  readonly history: History
  /** From the tip to the roots, each after all its parents that are among them; with the roots. */
  readonly order: readonly string[]
  /**
   * Parents of these that git left out: it says that a root builds on them. Git read that from
   * objects that may be anything, so it is not known.
   */
  readonly left: readonly string[]
}

/**
 * Copies the commits of a range with the tops of their trees. Which commits belong to it is decided
 * by their parents, as read from objects that were hashed here. Throws HistoryRefused if a commit
 * is missing or malformed, or if no way leads from the tip to a root.
 */
export async function collect(pair: Pair, range: Range): Promise<Collected> {
  const { tip, roots, fileName } = range
  const parents = await parentsOf(pair.view, roots)
  await packCommits(pair, tip, [tip, ...parents.map(id => `^${id}`)])
  const commits = await readCommits(pair.received)
  const { order, left } = walk(commits, range)
  const reached = new Set(order)
  if (!roots.some(root => reached.has(root))) throw await whyNotReached(pair.view, range, left)
  return { history: await withFiles(pair, commits, { ids: order, fileName }), order, left }
}

/** The same commits, and what was left out, without what that builds on. */
export async function collectAll(pair: Pair, { order, left }: Collected, fileName: string): Promise<History> {
  await packCommits(
    pair,
    left[0] ?? '',
    left.flatMap(id => [`--shallow ${id}`, id]),
  )
  const commits = await readCommits(pair.received)
  return withFiles(pair, commits, { ids: [...order, ...left], fileName })
}

/** A commit at which the way ends, because it is not there or does not have its id, if there is one. */
async function whyNotReached(
  view: string,
  { tip, roots }: Range,
  left: readonly string[],
): Promise<HistoryRefused> {
  const objects = openGitObjects(view)
  try {
    for (const id of left) {
      if (!(await hasCommit(objects, id))) {
        return missing(id, 'the commit is not in the repository, or another object lies under its id')
      }
    }
    return notDescended(tip, roots)
  } finally {
    objects.close()
  }
}

async function packCommits(pair: Pair, commit: string, revisions: readonly string[]): Promise<void> {
  try {
    await packAcross(pair, { lines: revisions, as: 'history' })
  } catch (error) {
    if (error instanceof FileError) throw missing(commit, `git cannot read it: ${error.message}`)
    throw error
  }
}

/** The parents of these commits that are there; those of a shallow clone's last ones are not. */
async function parentsOf(view: string, ids: readonly string[]): Promise<readonly string[]> {
  const objects = openGitObjects(view)
  try {
    const found: string[] = []
    for (const id of ids) {
      const commit = parseGitCommit(await readRoot(id, () => objects.read(id, 'commit')))
      for (const parent of commit.parents) {
        if (await hasCommit(objects, parent)) found.push(parent)
      }
    }
    return [...new Set(found)]
  } finally {
    objects.close()
  }
}

async function readRoot(id: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof FileError) throw missing(id, `it is not in the repository: ${error.message}`)
    throw error
  }
}

/** Goes from the tip to the roots without recursion: a history is deeper than any stack. */
function walk(commits: Commits, { tip, roots }: Range): Pick<Collected, 'order' | 'left'> {
  const ends = new Set(roots)
  const order: string[] = []
  const left = new Set<string>()
  const seen = new Set<string>()
  const stack: { readonly id: string; readonly parents: readonly string[]; next: number }[] = []
  const enter = (id: string) => {
    if (seen.has(id)) return
    seen.add(id)
    if (!commits.has(id)) left.add(id)
    else stack.push({ id, parents: ends.has(id) ? [] : commitIn(commits, id).parents, next: 0 })
  }
  enter(tip)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const parent = top.parents[top.next++]
    if (parent !== undefined) enter(parent)
    else {
      order.push(top.id)
      stack.pop()
    }
  }
  return { order, left: [...left] }
}

function notDescended(commit: string, roots: readonly string[]): HistoryRefused {
  return new HistoryRefused({
    code: 'not-a-descendant',
    commit,
    rule: 'A2',
    needed: `a commit that builds on the introduction, ${roots.join(' or ')}`,
    found: 'no way through its parents leads there',
    next: 'name a revision that builds on the introduction, or the introduction of this history',
  })
}
