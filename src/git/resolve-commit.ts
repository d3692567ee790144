/** What a revision names: one commit, or nothing. */
import { ArgumentError } from '../files/regular-file.ts'
import { OBJECT_ID } from '../formats/git-object-id.ts'
import { printable } from '../primitives/printable.ts'
import type { Refs } from './all-refs.ts'
import { gitOutput } from './git-output.ts'
import { isWrittenAsDirectory } from './written-place.ts'

/** Where git looks for a short name, in this order (gitrevisions(7)). */
const PLACES: readonly ((name: string) => string)[] = [
  name => `refs/${name}`,
  name => `refs/tags/${name}`,
  name => `refs/heads/${name}`,
  name => `refs/remotes/${name}`,
]

/**
 * The id of the commit that a revision names (gitrevisions(7), without the reflog) in a repository
 * of our own with these references. A whole id, `HEAD` and the whole name of a reference have one
 * meaning. A shorter name is refused if it has several that are different commits: a tag may be
 * called as a branch, or either as the beginning of an id. Git would take one of them. Throws
 * FileError.
 */
export async function resolveCommit(directory: string, refs: Refs, revision: string): Promise<string> {
  const readings = await readingsOf(directory, refs, revision)
  const found = new Map<string, string>()
  for (const reading of readings) {
    const commit = await commitOf(directory, reading)
    if (commit !== undefined) found.set(reading, commit)
  }
  const [commit, another] = new Set(found.values())
  if (commit === undefined) throw absent(refs, revision)
  if (another === undefined) return commit
  throw ambiguous(revision, found)
}

/** The revision as it is, or all that it can mean, each written so that it means nothing else. */
async function readingsOf(directory: string, refs: Refs, revision: string): Promise<readonly string[]> {
  const name = /^(?:(?!@\{)[^~^:])*/.exec(revision)?.[0] ?? ''
  if (name === '' || OBJECT_ID.test(name)) return [revision]
  const looked = name === '@' ? 'HEAD' : name
  const named = PLACES.map(place => place(looked)).filter(each => refs.has(each))
  if (looked === 'HEAD') {
    return named.length === 0 || (await hasHead(directory, refs)) ? [revision] : []
  }
  if (name.startsWith('refs/')) return refs.has(name) ? [revision] : []
  const rest = revision.slice(name.length)
  if (named.length === 0) return [revision]
  return [...named, ...(await idsOf(directory, name))].map(each => `${each}${rest}`)
}

/** Whether there is a commit that is checked out: git would take a tag of this name in its place. */
async function hasHead(directory: string, refs: Refs): Promise<boolean> {
  const { status, output } = await gitOutput({ directory }, ['symbolic-ref', '--quiet', 'HEAD'])
  return status !== 0 || refs.has(output.toString('utf8').trim())
}

/** The ids that a word abbreviates. */
async function idsOf(directory: string, word: string): Promise<readonly string[]> {
  if (!/^[0-9a-fA-F]{4,63}$/.test(word)) return []
  const { output } = await gitOutput({ directory }, ['rev-parse', `--disambiguate=${word}`])
  return output
    .toString('latin1')
    .split('\n')
    .filter(line => OBJECT_ID.test(line))
}

async function commitOf(directory: string, revision: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]
  const { status, output } = await gitOutput({ directory }, args)
  const id = output.toString('latin1').trim()
  return status === 0 && OBJECT_ID.test(id) ? id : undefined
}

function absent(refs: Refs, revision: string): ArgumentError {
  const name = printable(revision, 100)
  if (refs.size === 0) {
    return new ArgumentError(
      `there is no commit ${name}: this repository has no commits yet; next: git commit`,
    )
  }
  if (isWrittenAsDirectory(revision)) {
    return new ArgumentError(`there is neither a directory nor a commit ${name}`)
  }
  return new ArgumentError(`there is no commit ${name} in this repository (a directory is written ./${name})`)
}

function ambiguous(revision: string, found: ReadonlyMap<string, string>): ArgumentError {
  const all = [...found].map(([reading, commit]) => `${printable(reading, 200)} (commit ${commit})`)
  const [first = ''] = found.keys()
  return new ArgumentError(
    `${printable(revision, 100)} has several meanings: ${all.join(', ')}; next: write the one that is meant, such as ${printable(first, 200)}`,
  )
}
