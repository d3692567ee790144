import type { Stats } from 'node:fs'

/** What was found instead of what was expected: NAR hashes, SHA-256, lower-case hex. */
export interface Altered {
  readonly registered: string
  readonly found: string
}

/** A regular file, its copy, both as bytes in latin1, and what it was. */
export interface Renewed {
  readonly file: string
  readonly copy: string
  readonly status: Stats
}
