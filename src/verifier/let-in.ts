import type { Trust } from '../policy/verdict.ts'

/** A path that is let in, with its verdict if it was judged now: else the ledger tells of it. */
export interface LetIn {
  readonly path: string
  /** SHA-256 NAR hash, lower-case hex, if that is known. */
  readonly narHash?: string | undefined
  readonly trust?: Trust | undefined
}
