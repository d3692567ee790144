import { type GitTreeEntry, parseGitCommit, parseGitTree } from '../../formats/git-object.ts'
import { type FlakeLock, type LockNode, parseFlakeLock } from '../../formats/locks/flake-lock.ts'
import type { GitObjects } from '../../git/objects.ts'
import type { OpenRepository } from '../../git/open-repository.ts'
import { LockError } from './lock-error.ts'

/**
 * The flake.lock that a commit has in it, in the directory that the node names. Undefined if the
 * node is not a flake, or the flake has no inputs. Throws LockError if it has inputs and no lock.
 */
export async function innerLock({
  node,
  repository,
  commit,
}: {
  readonly node: LockNode
  readonly repository: OpenRepository
  readonly commit: string
}): Promise<FlakeLock | undefined> {
  const { value } = node.written
  if (!(value instanceof Map) || value.get('flake') === false) return undefined
  const dir = node.pin?.kind === 'git' ? node.pin.dir : undefined
  const objects = await repository.examined(commit)
  const { tree } = parseGitCommit(await objects.read(commit, 'commit'))
  const entries = await entriesAt(objects, tree, dir?.split('/') ?? [])
  const find = (name: string) => entries.find(each => each.name === name && each.kind !== 'directory')
  const lock = find('flake.lock')
  if (lock !== undefined) {
    const inner = parseFlakeLock(await objects.read(lock.id, 'blob'))
    if (inner.version === 5) throw new LockError('its own flake.lock has version 5, which is not taken over')
    return inner
  }
  const flake = find('flake.nix')
  const text = flake && Buffer.from(await objects.read(flake.id, 'blob')).toString('utf8')
  if (text !== undefined && /\binputs\b\s*[.=]/.test(text)) {
    throw new LockError(
      'its flake.nix has inputs that no flake.lock of it pins: update it with nix flake update, and verify the lock',
    )
  }
  return undefined
}

async function entriesAt(
  objects: GitObjects,
  tree: string,
  path: readonly string[],
): Promise<readonly GitTreeEntry[]> {
  const entries = parseGitTree(await objects.read(tree, 'tree'), tree.length / 2)
  const [name, ...rest] = path.filter(each => each !== '')
  if (name === undefined) return entries
  const directory = entries.find(entry => entry.name === name && entry.kind === 'directory')
  if (directory === undefined) throw new LockError('its directory is not in the new commit')
  return entriesAt(objects, directory.id, rest)
}
