/** What `nixsig unsetup --purge` deletes: the policy, its secrets and all state of this machine. */
import { existsSync, lstatSync, readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncDirectory } from '../files/durable-file.ts'
import { assertOwnedDirectory, protectedPath } from '../files/owned-file.ts'
import { SECRETS } from './carry/secrets.ts'
import type { SetupPlaces } from './places.ts'

type PurgedPlaces = Pick<SetupPlaces, 'policy' | 'state'>

/** Whether there is anything to purge. A mount point that was emptied is not. */
export function hasPurgeable({ policy, state }: PurgedPlaces): boolean {
  if (existsSync(policy) || existsSync(secretsOf(policy))) return true
  return existsSync(state) && !(isMountPoint(state) && readdirSync(state).length === 0)
}

/**
 * Deletes all of it, the passwords first, whatever of the rest is gone already. Returns the
 * directories that stay, emptied: mount points. Throws FileError if the directories could belong
 * to another user.
 */
export function purge({ policy, state }: PurgedPlaces): readonly string[] {
  const own = dirname(policy)
  if (existsSync(own)) {
    protectedPath(own)
    assertOwnedDirectory(own)
    rmSync(secretsOf(policy), { recursive: true, force: true })
    if (existsSync(policy)) protectedPath(policy)
    rmSync(policy, { force: true })
    for (const name of ['attestations', dirname(SECRETS), '.']) removeEmpty(join(own, name))
  }
  if (!existsSync(state)) return []
  protectedPath(state)
  assertOwnedDirectory(state)
  return removeTree(Buffer.from(state)).map(String)
}

/** Removes a directory if it is empty and no mount point; otherwise somebody else uses it. */
export function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
    syncDirectory(dirname(directory))
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EBUSY'].includes(codeOf(error))) throw error
  }
}

function secretsOf(policy: string): string {
  return join(dirname(policy), SECRETS)
}

/** One that another file system is mounted on; a directory of the same one is not recognised. */
function isMountPoint(directory: string): boolean {
  return lstatSync(directory).dev !== lstatSync(dirname(directory)).dev
}

const SLASH = Buffer.from('/')

/** Removes a tree, whose names may be any bytes; returns the mount points in it, which stay. */
function removeTree(path: Buffer): readonly Buffer[] {
  const isDirectory = lstatSync(path).isDirectory()
  const within = isDirectory
    ? readdirSync(path, { encoding: 'buffer' }).flatMap(name =>
        removeTree(Buffer.concat([path, SLASH, name])),
      )
    : []
  if (within.length > 0) return within
  try {
    if (isDirectory) rmdirSync(path)
    else unlinkSync(path)
    return []
  } catch (error) {
    if (codeOf(error) !== 'EBUSY') throw error
    return [path]
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? ''
}
