import { randomBytes } from 'node:crypto'
import { constants, copyFileSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { withHeldDirectory } from '../files/held-directory.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/**
 * Copies the packs that git wrote into a view, where all others are links, to a repository, by the
 * directory that all its work trees share. Whoever else can write there may put links in the way:
 * none is followed. Throws FileError.
 */
export function keepPacks(view: string, directory: string): void {
  const from = join(view, 'objects/pack')
  const made = readdirSync(from).filter(name => lstatSync(join(from, name)).isFile())
  withHeldDirectory(directory, ['objects', 'pack'], to => {
    // A pack is used as soon as its index is there.
    for (const form of [/^pack-[0-9a-f]+\.pack$/, /^pack-[0-9a-f]+\.idx$/]) {
      for (const name of made.filter(each => form.test(each))) keepPack(join(from, name), to)
    }
  })
}

/** Puts a whole file in the place of whatever has its name. */
function keepPack(file: string, to: string): void {
  const temporary = join(to, `tmp_pack_${randomBytes(9).toString('hex')}`)
  try {
    copyFileSync(file, temporary, constants.COPYFILE_EXCL)
    renameSync(temporary, join(to, basename(file)))
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new FileError(`cannot write ${basename(file)}: ${printable((error as Error).message)}`)
  }
}
