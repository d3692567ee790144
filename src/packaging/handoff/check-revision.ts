import { isAgainst, outcomeOf } from '../../crypto/detached/severity.ts'
import { FileError } from '../../files/regular-file.ts'
import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { checkGitSignature } from '../attest/git-signature.ts'
import type { Contents } from '../contents.ts'
import { detachedLines, detachedStatus } from '../detached-words.ts'
import { BadSignatureError } from '../packaging-error.ts'
import type { CheckedSource } from './checked-source.ts'
import type { NamedRevision } from './named-signatures.ts'
import type { Source } from './sources.ts'

/** Checks a source by the signed git revision that the caller named for it. */
export async function checkRevision(
  source: Source,
  contents: Contents,
  named: NamedRevision,
  keys: readonly Key[],
): Promise<CheckedSource> {
  const about = { source, contents, asked: [] }
  try {
    const revision = await checkGitSignature(named, contents, keys)
    const { results, title } = revision
    const notes = [...detachedLines(results), printable(title)]
    return { ...about, state: 'signed', status: 0, revision, results, notes }
  } catch (error) {
    if (error instanceof BadSignatureError) {
      const { results, message } = error
      const state = isAgainst(outcomeOf(results)) ? 'bad' : 'doubtful'
      return { ...about, state, status: detachedStatus(results), results, notes: [message] }
    }
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    // Somebody named it to speak for these very files, and it does not.
    return { ...about, state: 'bad', status: 13, results: [], notes: [error.message] }
  }
}
