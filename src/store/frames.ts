/**
 * The frames that a Nix daemon sends before each answer (libstore, worker-protocol, STDERR_*): its
 * log, progress, or an error.
 */
import { printable } from '../primitives/printable.ts'
import { StoreError } from './store-error.ts'
import { type Reader, readBoolean, readList, readNumber, readString, skipNumbers, wireError } from './wire.ts'

const NEXT = 0x6f6c6d67
const START_ACTIVITY = 0x53545254
const STOP_ACTIVITY = 0x53544f50
const RESULT = 0x52534c54
const ERROR = 0x63787470
/** The last frame before an answer. */
export const LAST_FRAME = 0x616c7473

/**
 * Reads all frames up to and including the last. Throws StoreError if the daemon reports an error,
 * after which the conversation can go on, and FormatError on any frame that cannot occur in an
 * answer to these requests.
 */
export function* readFrames(): Reader<void> {
  for (;;) {
    const kind = yield* readNumber('frame')
    switch (kind) {
      case LAST_FRAME:
        return
      case NEXT:
        yield* readString('log line')
        break
      case START_ACTIVITY:
        yield* skipNumbers(3) // number, level, type
        yield* readString('activity')
        yield* readList('activity', skipField)
        yield* skipNumbers(1) // parent
        break
      case STOP_ACTIVITY:
        yield* skipNumbers(1)
        break
      case RESULT:
        yield* skipNumbers(2) // activity, type
        yield* readList('result', skipField)
        break
      case ERROR:
        throw new StoreError(yield* readError())
      default:
        throw wireError(`unexpected frame 0x${kind.toString(16)}`, 'frame')
    }
  }
}

function* skipField(where: string): Reader<void> {
  const isText = yield* readBoolean(where)
  if (isText) yield* readString(where)
  else yield* skipNumbers(1)
}

/**
 * Reads an error as protocol 1.26 and later encodes it: type, level, name, message, no position,
 * and a trace.
 */
function* readError(): Reader<string> {
  yield* readString('error type')
  yield* skipNumbers(1)
  yield* readString('error name')
  const message = yield* readString('error message')
  yield* readNoPosition()
  yield* readList('error trace', readTrace)
  return `the Nix store says: ${printable(withoutColours(message))}`
}

function* readTrace(where: string): Reader<void> {
  yield* readNoPosition()
  yield* readString(where)
}

/**
 * Nix never sends positions. Were one sent, the meaning of the following bytes would be unknown.
 */
function* readNoPosition(): Reader<void> {
  if ((yield* readNumber('error position')) !== 0)
    throw wireError('an error with a position', 'error position')
}

/** Nix colours the paths in its messages for the client's terminal. */
function withoutColours(text: string): string {
  return text.replace(/\x1b\[[0-9;]*m/g, '')
}
