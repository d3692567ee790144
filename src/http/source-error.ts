import { printable } from '../primitives/printable.ts'

/**
 * Why a server may answer later, if it may: it wants to be asked less, it fails at this question or
 * at all of them, or it cannot be reached.
 */
export type Hardship = 'busy' | 'failing' | 'unreachable'

export interface SourceErrorOptions {
  /** Whether the same request may succeed in a moment. */
  readonly isPassing: boolean
  /** Whether the answer breaks the protocol, as no honest server's does. */
  readonly isGarbage?: boolean
  readonly hardship?: Hardship | undefined
  /** Milliseconds that the server wants to be left alone for, as it says. */
  readonly retryAfter?: number | undefined
  /** The status, if it is why the answer cannot be used. */
  readonly status?: number | undefined
}

/** A server that could not be reached, or whose answer cannot be used. The message is escaped. */
export class SourceError extends Error implements SourceErrorOptions {
  override readonly name = 'SourceError'
  readonly isPassing: boolean
  readonly isGarbage: boolean
  readonly hardship: Hardship | undefined
  readonly retryAfter: number | undefined
  readonly status: number | undefined

  constructor(message: string, options: SourceErrorOptions) {
    super(message)
    this.isPassing = options.isPassing
    this.isGarbage = options.isGarbage ?? false
    this.hardship = options.hardship
    this.retryAfter = options.retryAfter
    this.status = options.status
  }
}

/** An answer that no honest server gives. */
export function refused(problem: string): SourceError {
  return new SourceError(problem, { isPassing: false, isGarbage: true })
}

/** An answer that did not come in time. */
export function tooLate(problem: string): SourceError {
  return new SourceError(problem, { isPassing: true, hardship: 'unreachable' })
}

const PASSING = /^(?:ECONN|EPIPE$|ETIMEDOUT$|EAI_AGAIN$|EHOSTUNREACH$|ENETUNREACH$|ERR_STREAM_PREM)/
/** Errors of the resolver and of a network that is not there. */
const UNREACHABLE = /^(?:ECONN|EPIPE$|ETIMEDOUT$|EAI_|ENOTFOUND$|EHOST|ENET|EADDRNOTAVAIL$)/

/** Turns an error of Node's HTTP client into a SourceError. */
export function asSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (message === 'aborted')
    return new SourceError('broke off in the middle of its answer', { isPassing: true })
  return new SourceError(printable(message === '' ? code : message, 160), {
    isPassing: PASSING.test(code),
    hardship: UNREACHABLE.test(code) ? 'unreachable' : undefined,
  })
}
