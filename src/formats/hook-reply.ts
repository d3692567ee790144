/**
 * The replies of the resident process to a hook (docs/resident.md). A line gives the sizes of three
 * texts, which follow it one after another, with nothing after them:
 *
 *     nixsig1 <pass | refuse | done | error> <bytes> <bytes> <bytes>
 *     <sentence><notice><telling>
 *
 * The telling is `status`, or `line` followed by the versions of Nix that the policy adds, each
 * after a space; or, in a `pass` to the store plugin, `references` and the SHA-256 (hex) of the
 * references that the path may become valid with, sorted, each with a line feed. Everything is printable ASCII, and line feeds within the notice.
 */
import { asciiText } from '../primitives/ascii-text.ts'
import { FormatError } from '../primitives/format-error.ts'
import { PROTOCOL } from './hook-question.ts'

/** The most bytes of a reply. */
export const REPLY_LIMIT = 64 * 1024

/** A reply to a hook. */
export interface HookReply {
  /**
   * `done`: the request was carried out, and nothing was judged. `error`: the question was not
   * answered.
   */
  readonly outcome: 'pass' | 'refuse' | 'done' | 'error'
  /**
   * The reason, in one line without a line break. Empty for `pass` and `done`, and only for these.
   */
  readonly sentence: string
  /** Lines for standard error, without a final line break. May be empty. */
  readonly notice: string
  readonly telling: Telling
}

/** How the pre-build hook reports a refusal to Nix. */
export interface Telling {
  /**
   * Whether by a line of its output, where the calling Nix is known to print that line and to fail.
   * Otherwise by the exit status.
   */
  readonly isByLine: boolean
  /** Versions of Nix that the policy adds to those nixsig knows to do so. */
  readonly versions: readonly string[]
  /**
   * The digest (SHA-256, hex) of the only references with which a path may become valid, if it
   * passes for a signature that covers them.
   */
  readonly references?: string
}

/**
 * The sentence of an error by which a resident process that may not write to the store leaves a
 * question to the hook. This is how the two share the work, so the hook does not report it. As in
 * nix/plugin/resident.h.
 */
export const LEFT_TO_THE_HOOK = 'left to the hook, which may write to the store'

const FORMAT = 'reply'
const HEADER_LIMIT = 64
const NEWLINE = 10
const HEADER = new RegExp(`^${PROTOCOL} (pass|refuse|done|error)${' (0|[1-9]\\d{0,4})'.repeat(3)}$`)
const REFERENCES = /^references ([0-9a-f]{64})$/
const VERSION = /^\d+\.\d+[0-9A-Za-z._+-]*$/
const LINE = /^[ -~]*$/
const LINES = /^[\n -~]*$/

/** Reads a complete reply. Throws FormatError for anything else. */
export function parseReply(bytes: Uint8Array): HookReply {
  if (bytes.length > REPLY_LIMIT) throw malformed(`longer than ${REPLY_LIMIT} bytes`, 'its end')
  const end = bytes.subarray(0, HEADER_LIMIT).indexOf(NEWLINE)
  if (end < 0) throw malformed('has no first line', 'line 1')
  const [, outcome, ...counts] =
    HEADER.exec(Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1')) ?? []
  if (outcome === undefined) throw malformed(`does not begin as one of version ${PROTOCOL} does`, 'line 1')
  const [sentence = '', notice = '', telling = ''] = texts(bytes.subarray(end + 1), counts.map(Number))
  return checked({
    outcome: outcome as HookReply['outcome'],
    sentence,
    notice,
    telling: tellingOf(telling),
  })
}

/**
 * Splits the bytes into texts of these sizes. Throws FormatError unless the sizes add up to all of
 * them.
 */
function texts(bytes: Uint8Array, counts: readonly number[]): readonly string[] {
  const found: string[] = []
  let start = 0
  for (const count of counts) {
    if (start + count > bytes.length) throw malformed('breaks off', `text ${found.length + 1}`)
    // Bytes beyond ASCII become characters beyond ASCII, which no text may have.
    found.push(Buffer.from(bytes.buffer, bytes.byteOffset + start, count).toString('latin1'))
    start += count
  }
  if (start < bytes.length) throw malformed('is followed by more', 'its end')
  return found
}

function tellingOf(text: string): Telling {
  const [, references] = REFERENCES.exec(text) ?? []
  if (references !== undefined) return { isByLine: false, versions: [], references }
  const [how, ...versions] = text.split(' ')
  const isByLine = how === 'line'
  if (!isByLine && text !== 'status') throw malformed('has an unknown telling', 'text 3')
  return { isByLine, versions }
}

/**
 * The bytes of a reply, with its texts in ASCII (asciiText). Throws FormatError if a text is not
 * allowed in a reply, or the reply would be too long.
 */
export function printReply(reply: HookReply): Buffer {
  const { outcome, sentence, notice, telling } = checked(inAscii(reply))
  const parts = [sentence, notice, tellingText(telling)]
  const header = `${[PROTOCOL, outcome, ...parts.map(part => part.length)].join(' ')}\n`
  const bytes = Buffer.from(header + parts.join(''), 'latin1')
  if (bytes.length > REPLY_LIMIT) throw malformed(`longer than ${REPLY_LIMIT} bytes`, 'its end')
  return bytes
}

function tellingText({ isByLine, versions, references }: Telling): string {
  if (references !== undefined) return `references ${references}`
  return isByLine ? ['line', ...versions].join(' ') : 'status'
}

/** A reply with its texts as they are sent: in ASCII. */
export function inAscii(reply: HookReply): HookReply {
  return { ...reply, sentence: asciiText(reply.sentence), notice: asciiText(reply.notice) }
}

/** A reply that says why a question was not answered. */
export function errorReply(sentence: string): HookReply {
  return { outcome: 'error', sentence, notice: '', telling: { isByLine: false, versions: [] } }
}

function checked(reply: HookReply): HookReply {
  const hasReason = reply.outcome === 'refuse' || reply.outcome === 'error'
  if (hasReason !== (reply.sentence !== '')) {
    throw malformed(hasReason ? 'gives no reason' : 'gives a reason without a refusal', 'text 1')
  }
  if (reply.outcome !== 'pass' && reply.telling.references !== undefined) {
    throw malformed('has an unknown telling', 'text 3')
  }
  if (!LINE.test(reply.sentence)) throw malformed('has a character that is not text', 'text 1')
  if (!reply.telling.versions.every(version => VERSION.test(version))) {
    throw malformed('has an invalid version', 'text 3')
  }
  if (!LINES.test(reply.notice)) throw malformed('has a character that is not text', 'text 2')
  return reply
}

function malformed(problem: string, where: string): FormatError {
  return new FormatError(FORMAT, problem, where)
}
