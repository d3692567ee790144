import { printable } from '../primitives/printable.ts'

/** A server that could not be reached, or whose answer cannot be used. The message is escaped. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
  /** Whether the same request may succeed in a moment. */
  readonly isPassing: boolean
  /** Whether the answer breaks the protocol, as no honest server's does. */
  readonly isGarbage: boolean

  constructor(message: string, options: { readonly isPassing: boolean; readonly isGarbage?: boolean }) {
    super(message)
    this.isPassing = options.isPassing
    this.isGarbage = options.isGarbage ?? false
  }
}

/** Turns an error of Node's HTTP client into a SourceError. */
export function asSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (message === 'aborted')
    return new SourceError('broke off in the middle of its answer', { isPassing: true })
  const isPassing = /^(?:ECONN|EPIPE$|ETIMEDOUT$|EAI_AGAIN$|EHOSTUNREACH$|ENETUNREACH$|ERR_STREAM_PREM)/.test(
    code,
  )
  return new SourceError(printable(message === '' ? code : message, 160), { isPassing })
}
