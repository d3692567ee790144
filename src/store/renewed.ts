import type { Stats } from 'node:fs'

/** NAR hashes, SHA-256, lower-case hex: what was found, and what was expected. */
export interface Altered {
  readonly registered: string
  readonly found: string
}

/**
 * A regular file and its copy, both as bytes in latin1, and the file's status before it was copied.
 */
export interface Renewed {
  readonly file: string
  readonly copy: string
  readonly status: Stats
}
