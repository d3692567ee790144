/** A source of attestations that could not be asked, or whose answer cannot be used. The message is escaped. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  /** Whether the same question may well be answered in a moment. */
  readonly isPassing: boolean
  /** It did answer, and with what no honest server does. */
  readonly isGarbage: boolean

  constructor(message: string, options: { readonly isPassing: boolean; readonly isGarbage?: boolean }) {
    super(message)
    this.isPassing = options.isPassing
    this.isGarbage = options.isGarbage ?? false
  }
}
