import { createHash, type Hash } from 'node:crypto'
import { FileError } from '../files/regular-file.ts'
import { type GitTreeEntry, parseGitTree } from '../formats/git-object.ts'
import { NAR_DEPTH_LIMIT } from '../formats/nix/nar.ts'
import {
  narClose,
  narDirectoryHead,
  narEntryHead,
  narFileHead,
  narFileTail,
  narStart,
  narSymlink,
} from '../formats/nix/nar-tokens.ts'
import { printable } from '../primitives/printable.ts'
import type { GitObjects } from './objects.ts'

/** Files and directories of one tree. */
const COUNT_LIMIT = 1_000_000

/**
 * The SHA-256 NAR hash, in lower-case hex, of a git tree that is checked out as it is: without
 * .git, filters and attributes. Throws FileError for submodules, whose files are in another
 * repository, and as GitObjects.read does.
 */
export async function narHashOfGitTree(objects: GitObjects, tree: string): Promise<string> {
  const hash = createHash('sha256').update(narStart())
  await addDirectory({ objects, hash, left: COUNT_LIMIT }, tree, [])
  return hash.digest('hex')
}

interface Walk {
  readonly objects: GitObjects
  readonly hash: Hash
  left: number
}

async function addDirectory(walk: Walk, id: string, at: readonly string[]): Promise<void> {
  if (at.length >= NAR_DEPTH_LIMIT) throw new FileError('git: directories too deep')
  const entries = parseGitTree(await walk.objects.read(id, 'tree'), id.length / 2)
  walk.left -= entries.length
  if (walk.left < 0) throw new FileError(`git: more than ${COUNT_LIMIT} files`)
  walk.hash.update(narDirectoryHead())
  // Git sorts a directory as `name/`; a NAR sorts by the bytes of the names.
  for (const entry of [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    walk.hash.update(narEntryHead(entry.name))
    await addNode(walk, entry, [...at, entry.name])
    walk.hash.update(narClose())
  }
  walk.hash.update(narClose())
}

async function addNode(walk: Walk, { kind, id }: GitTreeEntry, at: readonly string[]): Promise<void> {
  switch (kind) {
    case 'directory':
      return addDirectory(walk, id, at)
    case 'submodule':
      throw new FileError(
        `git: ${printable(at.join('/'))} is a submodule, whose files this repository does not have`,
      )
    case 'symlink':
      walk.hash.update(narSymlink(Buffer.from(await walk.objects.read(id, 'blob')).toString('latin1')))
      return
    default: {
      const contents = await walk.objects.read(id, 'blob')
      walk.hash.update(narFileHead(contents.length, kind === 'executable'))
      walk.hash.update(contents).update(narFileTail(contents.length))
    }
  }
}
