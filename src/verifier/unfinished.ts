import { listExpected, readExpected } from '../ledger/expected.ts'
import { identityOf } from '../ledger/stamp.ts'
import { listUnfinished } from '../quarantine/entries.ts'

/**
 * Whether a killed hook may have left something behind: a quarantine half done, or an output of another derivation than
 * `except` that is there and was never judged. Costs two directory listings and a look at each expected output.
 */
export function hasUnfinished(state: string, except: string): boolean {
  if (listUnfinished(state).length > 0) return true
  return listExpected(state).some(digest => {
    const expected = readExpected(state, digest)
    return expected !== undefined && expected.derivation !== except && identityOf(expected.path) !== undefined
  })
}
