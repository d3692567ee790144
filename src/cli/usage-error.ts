/** A word that is not known where it stands. */
export interface Slip {
  readonly word: string
  /** The words that are known there, each with how it is shown. */
  readonly known: ReadonlyMap<string, string>
}

/**
 * What was asked for makes no sense or lacks something. The message is one line, escaped, and says
 * how to go on.
 */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/**
 * A command or an option that does not exist: the message is made of `what`, suggestions and
 * `next`.
 */
export class UnknownWordError extends UsageError {
  override readonly name = 'UnknownWordError'
  readonly what: string
  readonly next: string
  readonly slip: Slip

  constructor(what: string, next: string, slip: Slip) {
    super(`${what}: ${next}`)
    this.what = what
    this.next = next
    this.slip = slip
  }
}
