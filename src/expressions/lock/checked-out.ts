/** Whether what is checked out is a commit, with the submodules in it. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../../files/regular-file.ts'
import { openRepository } from '../../git/open-repository.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { examinedCommit } from '../examined-commit.ts'
import { untrackedPaths } from './untracked.ts'
import { changedPaths, filesOfTree, type TreeFiles } from './work-tree.ts'

const DEPTH_LIMIT = 8

/** A work tree, and what it should be. */
interface Checkout {
  readonly top: string
  /** A repository of our own, in which git reads the index. */
  readonly view: string
  readonly files: TreeFiles
}

/** The paths at which a work tree differs from a commit. Byte strings. */
export interface Differences {
  /** What the commit has. */
  readonly changed: readonly string[]
  /** What it does not have; empty unless that is asked for. */
  readonly untracked: readonly string[]
}

/**
 * Where a work tree, its index and the submodules that are checked out in it differ from what the
 * commit has. A submodule has to be at the commit that the tree around it names, or empty. Throws
 * FileError and FormatError.
 */
export async function differencesOf(
  checkout: Checkout,
  asksUntracked: boolean,
  depth = 0,
): Promise<Differences> {
  const { top, view, files } = checkout
  const changed = [...(await changedPaths(top, view, files))]
  const untracked = asksUntracked ? [...untrackedPaths(top, files)] : []
  for (const [path, { kind, id }] of files) {
    if (kind !== 'submodule' || changed.includes(path)) continue
    const place = join(top, Buffer.from(path, 'latin1').toString('utf8'))
    if (readdirSync(place).length === 0) continue
    const inner = depth < DEPTH_LIMIT ? await inSubmodule(place, id, { asksUntracked, depth }) : undefined
    if (inner === undefined) changed.push(path)
    else {
      changed.push(...inner.changed.map(each => `${path}/${each}`))
      untracked.push(...inner.untracked.map(each => `${path}/${each}`))
    }
  }
  return { changed: changed.sort(), untracked: untracked.sort() }
}

/** Undefined if another commit is checked out there, or it cannot be read. */
async function inSubmodule(
  place: string,
  commit: string,
  { asksUntracked, depth }: { readonly asksUntracked: boolean; readonly depth: number },
): Promise<Differences | undefined> {
  try {
    const repository = openRepository(place)
    try {
      if ((await repository.resolve('HEAD')) !== commit) return undefined
      const { objects, tree } = await examinedCommit(repository, commit)
      const files = await filesOfTree(objects, tree)
      return await differencesOf({ top: place, view: repository.directory, files }, asksUntracked, depth + 1)
    } finally {
      repository.close()
    }
  } catch (error) {
    if (error instanceof FileError || error instanceof FormatError) return undefined
    throw error
  }
}
