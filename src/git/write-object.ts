import { createHash, randomBytes } from 'node:crypto'
import { existsSync, fchmodSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { createFile } from '../files/create-file.ts'
import { withHeldDirectory } from '../files/held-directory.ts'
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
  if (existsSync(join(objects, id.slice(0, 2), id.slice(2)))) return id
  const names = [basename(objects), id.slice(0, 2)]
  withHeldDirectory(dirname(objects), names, directory => {
    // Git's own clean-up removes files of this name that were left over.
    const temporary = join(directory, `tmp_obj_${randomBytes(9).toString('hex')}`)
    try {
      createFile(temporary, fd => {
        writeFileSync(fd, deflateSync(bytes), { flush: true })
        fchmodSync(fd, 0o444)
      })
      renameSync(temporary, join(directory, id.slice(2)))
    } catch (error) {
      rmSync(temporary, { force: true })
      const problem = printable((error as Error).message)
      throw new FileError(`cannot write to ${printable(join(objects, id.slice(0, 2)))}: ${problem}`)
    }
  })
  return id
}
