/**
 * Objects that a repository borrows from others (`objects/info/alternates`). Git takes them before
 * its own loose ones, and does not look whether a file has the id that it is stored under.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { assertOwnedDirectory, protectedPath } from '../../files/owned-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { layoutOf } from '../../git/layout.ts'
import { printable } from '../../primitives/printable.ts'

const SIZE_LIMIT = 1024 * 1024

/** How many repositories git itself goes through, one borrowing from the next. */
const DEPTH_LIMIT = 5

/**
 * What lets somebody besides root and the user of this process change objects that the repository
 * of a work tree borrows, for people, escaped; undefined if nobody can. Throws FileError.
 */
export function borrowedFromOthers(top: string): string | undefined {
  try {
    assertOwnLenders(layoutOf(top).objects, 0)
    return undefined
  } catch (error) {
    if (error instanceof Lent) return error.message
    throw error
  }
}

/** Objects come from where others could change them. */
class Lent extends Error {}

function assertOwnLenders(objects: string, depth: number): void {
  const text = readRegularFile(join(objects, 'info/alternates'), SIZE_LIMIT)?.toString('utf8') ?? ''
  const lenders = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  for (const line of lenders) {
    if (line.startsWith('"') || depth > DEPTH_LIMIT) {
      throw new Lent(`it borrows objects from ${printable(line, 200)}, which is not looked at`)
    }
    const lender = resolve(objects, line)
    if (!existsSync(lender)) continue
    try {
      for (const place of [lender, join(lender, 'pack'), join(lender, 'info')]) {
        if (existsSync(place)) assertOwnedDirectory(protectedPath(place))
      }
    } catch (error) {
      if (error instanceof FileError) throw new Lent(`it borrows objects, and ${error.message}`)
      throw error
    }
    assertOwnLenders(lender, depth + 1)
  }
}
