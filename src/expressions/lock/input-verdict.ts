/** What is found about one input of a lock, as data. */
import type { ExitCode } from '../../policy/exit-code.ts'
import type { RevisionVerdict } from '../judge-revision.ts'
import type { CheckoutKind } from './tree-hash.ts'

/** Why an input is refused. */
export type FindingCode =
  | 'not-signed-enough' // the commit does not meet the rule; the message says what is missing
  | 'other-contents' // the NAR hash of the lock is not that of the commit's files
  | 'unlocked' // the lock does not say which commit, or which contents
  | 'unverifiable' // nothing that people sign stands behind it
  | 'outside' // a directory that is not in the tree of the input it belongs to
  | 'unavailable' // the commit could not be had or read
  | 'unreadable' // the lock, or this input in it, cannot be read or could be read in two ways
  | 'dirty' // the work tree is not the commit
  | 'untracked-lock' // the lock that was read is not the one in the commit

export interface LockFinding {
  readonly code: FindingCode
  /** For people, escaped: what was needed, what was found, what to do. */
  readonly message: string
  readonly status: Exclude<ExitCode, 0>
}

/** The verdict on one input, or on the tree around the lock (`input` is then `self`). */
export interface InputVerdict {
  /** The file, relative to the directory that was asked about; `pin` for one on the command line. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Its path among the inputs, such as `inputs.nixpkgs.inputs.lib`. Escaped. */
  readonly input: string
  /** Canonical; empty for what is part of another input. */
  readonly url: string
  readonly commit?: string
  /** The hash that the lock names, and that of the commit's tree as it is; lower-case hex. */
  readonly locked?: string
  readonly computed?: string
  /** How the files of the lock come from the tree of the commit. */
  readonly checkout?: CheckoutKind
  /** The title of the rule that decided. */
  readonly rule: string
  /** The verdict on the commit, where it was judged, and who signed it. */
  readonly revision?: RevisionVerdict
  /** What it pins cannot be read. It passes only where nothing is required. */
  readonly isUnread?: true
  /** Empty: it passes. */
  readonly findings: readonly LockFinding[]
  /** What else is worth knowing, escaped. */
  readonly notes: readonly string[]
}
