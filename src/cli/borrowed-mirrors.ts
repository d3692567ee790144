/** Mirrors of sources for a command that may not change those of this machine. */
import { constants, cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeScratch, removeScratch } from '../files/scratch.ts'
import type { Places } from '../verifier/places.ts'

/** Lets `use` refresh a copy of the mirrors, which is gone afterwards. */
export async function withBorrowedMirrors<T>(
  places: Places,
  use: (places: Places) => Promise<T>,
): Promise<T> {
  const scratch = makeScratch('mirror')
  try {
    const own = join(places.state, 'mirror')
    if (existsSync(own))
      cpSync(own, join(scratch, 'mirror'), { recursive: true, mode: constants.COPYFILE_FICLONE })
    return await use({ ...places, mirrors: scratch })
  } finally {
    removeScratch(scratch)
  }
}
