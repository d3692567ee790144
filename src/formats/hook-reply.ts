/**
 * What the resident process replies to a hook: docs/resident.md. A line that counts the bytes of three texts, then these
 * texts, one after another and with nothing behind them:
 *
 *     nixsig1 <pass | refuse | done | error> <bytes> <bytes> <bytes>
 *     <sentence><notice><telling>
 *
 * The telling is `status`, or `line` and after it the versions of Nix that the policy adds, a space before each.
 */
import { FormatError } from '../primitives/format-error.ts'
import { PROTOCOL } from './hook-question.ts'
import { decodeUtf8 } from './json/strict.ts'

/** Bytes of a reply at most. */
export const REPLY_LIMIT = 64 * 1024

export interface HookReply {
  /** `done`: what was asked for was done, and nothing was judged. `error`: the question was not answered. */
  readonly outcome: 'pass' | 'refuse' | 'done' | 'error'
  /** Why not, in one line without a line break; empty for `pass` and `done`, and for no other. */
  readonly sentence: string
  /** For standard error: lines, without a line break at the end; may be empty. */
  readonly notice: string
  readonly telling: Telling
}

/** How the pre-build hook may tell a refusal. */
export interface Telling {
  /** Whether by a line of its output, where the Nix that called it is known to show that and to fail. */
  readonly isByLine: boolean
  /** Versions of Nix that are known for it beside those that nixsig knows itself. */
  readonly versions: readonly string[]
}

const FORMAT = 'reply'
const HEADER_LIMIT = 64
const NEWLINE = 10
const HEADER = new RegExp(`^${PROTOCOL} (pass|refuse|done|error)${' (0|[1-9]\\d{0,4})'.repeat(3)}$`)
const VERSION = /^\d+\.\d+[0-9A-Za-z._+-]*$/
/** What no text may bring to a terminal or to Nix, which reads a hook's output by lines. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** Reads a reply that is there from its first byte to its last. Throws FormatError if it is anything but one. */
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

/** Cuts the texts from each other. Throws FormatError unless they have so many bytes, all together all that there are. */
function texts(bytes: Uint8Array, counts: readonly number[]): readonly string[] {
  const found: string[] = []
  let start = 0
  for (const count of counts) {
    if (start + count > bytes.length) throw malformed('breaks off', `text ${found.length + 1}`)
    found.push(decodeUtf8(bytes.subarray(start, start + count), FORMAT))
    start += count
  }
  if (start < bytes.length) throw malformed('is followed by more', 'its end')
  return found
}

function tellingOf(text: string): Telling {
  const [how, ...versions] = text.split(' ')
  const isByLine = how === 'line'
  if (!isByLine && text !== 'status') throw malformed('tells in a way that is not known', 'text 3')
  return { isByLine, versions }
}

/** The bytes of a reply. Throws FormatError if a text is not one that a reply may have, or it would be too long. */
export function printReply(reply: HookReply): Buffer {
  const { outcome, sentence, notice, telling } = checked(reply)
  const how = telling.isByLine ? ['line', ...telling.versions].join(' ') : 'status'
  const parts = [sentence, notice, how].map(text => Buffer.from(text, 'utf8'))
  const header = `${[PROTOCOL, outcome, ...parts.map(part => part.length)].join(' ')}\n`
  const bytes = Buffer.concat([Buffer.from(header, 'latin1'), ...parts])
  if (bytes.length > REPLY_LIMIT) throw malformed(`longer than ${REPLY_LIMIT} bytes`, 'its end')
  return bytes
}

/** A reply that says why a question was not answered. */
export function errorReply(sentence: string): HookReply {
  return { outcome: 'error', sentence, notice: '', telling: { isByLine: false, versions: [] } }
}

function checked(reply: HookReply): HookReply {
  const hasReason = reply.outcome === 'refuse' || reply.outcome === 'error'
  if (hasReason !== (reply.sentence !== '')) {
    throw malformed(hasReason ? 'gives no reason' : 'gives a reason for what is no refusal', 'text 1')
  }
  if (UNSAFE.test(reply.sentence)) throw malformed('has a character that is not text', 'text 1')
  if (!reply.telling.versions.every(version => VERSION.test(version))) {
    throw malformed('has a version that is none', 'text 3')
  }
  if (UNSAFE.test(reply.notice.replaceAll('\n', '')))
    throw malformed('has a character that is not text', 'text 2')
  return reply
}

function malformed(problem: string, where: string): FormatError {
  return new FormatError(FORMAT, problem, where)
}
