/**
 * A distribution cannot be read, or its signature is missing: nothing is built. The message is
 * escaped.
 */
export class BuildError extends Error {
  override readonly name = 'BuildError'
}
