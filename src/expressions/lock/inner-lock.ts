import { type FlakeLock, type LockNode, parseFlakeLock } from '../../formats/locks/flake-lock.ts'
import type { OpenRepository } from '../../git/open-repository.ts'
import { entriesIn } from '../../git/read-tree.ts'
import { examinedCommit } from '../examined-commit.ts'
import { LockError } from './lock-error.ts'
import { entryAt } from './place-in-tree.ts'

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
  const { objects, tree } = await examinedCommit(repository, commit)
  const names = dir?.split('/').filter(name => name !== '') ?? []
  const directory = await entryAt(objects, tree, names)
  if (directory?.kind !== 'directory') throw new LockError('its directory is not in the new commit')
  const entries = await entriesIn(objects, directory.id)
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
