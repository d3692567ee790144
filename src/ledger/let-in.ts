/**
 * What the store plugin let in only because the policy warned: one file for each path under
 * `let-in/`, see docs/ledger.md. For people: nothing is decided by it.
 */
import { join } from 'node:path'
import { removeFile } from '../files/remove-file.ts'

/** Removes the record about a path that was found trusted since. */
export function forgetLetIn(state: string, digest: string): void {
  removeFile(join(state, 'let-in', digest))
}
