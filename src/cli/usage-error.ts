/**
 * What was asked for makes no sense or lacks something. The message is one line, escaped, and says
 * how to go on.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
