import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import type { GitObjectType } from './objects.ts'
import type { IdSize } from './own-repository.ts'

/** The objects of a repository (`.git/objects`), and the size of its ids. */
export interface ObjectStore {
  readonly objects: string
  readonly idSize: IdSize
}

/**
 * Writes a loose object (gitformat-loose(5)) without running git, and returns its id. One that is
 * there already stays. Throws FileError.
 */
export function writeObject(
  { objects, idSize }: ObjectStore,
  type: GitObjectType,
  contents: Uint8Array,
): string {
  const bytes = Buffer.concat([Buffer.from(`${type} ${contents.length}\0`), contents])
  const id = createHash(idSize === 20 ? 'sha1' : 'sha256')
    .update(bytes)
    .digest('hex')
  const directory = join(objects, id.slice(0, 2))
  const file = join(directory, id.slice(2))
  if (existsSync(file)) return id
  // Git's own clean-up removes files of this name that were left over.
  const temporary = join(directory, `tmp_obj_${randomBytes(9).toString('hex')}`)
  try {
    mkdirSync(directory, { recursive: true })
    if (!lstatSync(directory).isDirectory()) throw new Error('is not a directory')
    writeFileSync(temporary, deflateSync(bytes), { flag: 'wx', mode: 0o444, flush: true })
    chmodSync(temporary, 0o444)
    renameSync(temporary, file)
    return id
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new FileError(`cannot write to ${printable(directory)}: ${printable((error as Error).message)}`)
  }
}
