import type { DetachedResult } from '../../crypto/detached/verify.ts'
import type { ExitCode } from '../../policy/exit-code.ts'
import type { GitSignature } from '../attest/git-signature.ts'
import type { Contents } from '../contents.ts'
import type { FoundSignature } from './find-signature.ts'
import type { Source } from './sources.ts'

/**
 * `signed`: by a key that was tried. `doubtful`: by another key, or one that counts for nothing
 * today. `bad`: by a key that was tried, and over something else. `missing`: nobody has the
 * contents. `signature`: itself a signature or a list of checksums, and used as nothing else, so
 * nobody has to stand for it.
 */
export type SourceState = 'signature' | 'signed' | 'doubtful' | 'bad' | 'unsigned' | 'missing'

export interface CheckedSource {
  readonly source: Source
  readonly state: SourceState
  readonly status: ExitCode
  /** Missing only for what is missing. */
  readonly contents?: Contents
  /** Where a signature was found, the one that decides. */
  readonly found?: FoundSignature
  /** Where a git tag or commit was checked: its signature. */
  readonly revision?: GitSignature
  readonly results: readonly DetachedResult[]
  /** The addresses beside the source that were asked for a signature, as they are. */
  readonly asked: readonly string[]
  /** Why, and what was found besides; fit for a terminal. */
  readonly notes: readonly string[]
}
