import { protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { checkBook } from '../lists/book/check.ts'
import { endOfList } from '../policy/lists/scope.ts'
import type { Policy } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { bookFile } from '../verifier/books.ts'
import type { Places } from '../verifier/places.ts'
import type { ListFacts } from './facts.ts'

/** Reads all of the book of each list, which whoever judges does not. */
export function lookAtLists(policy: Policy, places: Places): readonly ListFacts[] {
  return [...policy.lists.values()].map(list => {
    const { name, book } = list
    const until = endOfList(list)
    if ('problem' in book) return { name, problem: printable(book.problem), until }
    const file = bookFile(places.state, name)
    try {
      protectedPath(file)
      checkBook(file, name)
      return { name, problem: undefined, until }
    } catch (error) {
      if (error instanceof FileError) return { name, problem: error.message, until }
      throw error
    }
  })
}
