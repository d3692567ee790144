/**
 * What users ask the gate about paths, and what it answers (docs/resident.md, "What every user may
 * ask"). The gate greets; the asker shows its name and then asks about one path after the other,
 * each after the answer to the one before:
 *
 *     nixsig-ask1 <15 letters and digits>                  the gate
 *     nixsig-ask1 <process number>                         the asker
 *     about <store path>                                   the asker
 *     answer <bytes>                                       the gate; that many bytes of JSON follow
 *     error <bytes>                                        the gate; that many bytes of text follow
 *
 * All is printable ASCII.
 */
import { asciiText } from '../primitives/ascii-text.ts'
import { FormatError } from '../primitives/format-error.ts'
import { parseStorePath } from './nix/store-path.ts'

/** The protocol's name and version: the first word of both sides. */
export const ASK_PROTOCOL = 'nixsig-ask1'

/** The default socket that every user may ask. */
export const ASK_SOCKET = '/run/nixsig/ask'

/** The most bytes of a line of the asker, and of the first line of an answer, newline included. */
export const ASK_LINE_LIMIT = 512

/** The most bytes of an answer after its first line. */
export const ASK_ANSWER_LIMIT = 256 * 1024

/**
 * Characters of the name that an asker has to show: as many as the kernel keeps of one
 * (PR_SET_NAME).
 */
export const ASK_NAME_LENGTH = 15

const LINE = /^[\x20-\x7e]*$/
const GREETING = new RegExp(`^${ASK_PROTOCOL} ([0-9a-z]{${ASK_NAME_LENGTH}})$`)
const INTRODUCTION = new RegExp(`^${ASK_PROTOCOL} ([1-9]\\d{0,8})$`)
const HEADER = /^(answer|error) (0|[1-9]\d{0,5})$/

/** The name in a greeting, without its newline. Throws FormatError. */
export function parseGreeting(line: string): string {
  return matched(line, GREETING, 'greeting')[1] ?? ''
}

/** A greeting with its newline. Throws FormatError if the name is not of this form. */
export function printGreeting(name: string): string {
  parseGreeting(`${ASK_PROTOCOL} ${name}`)
  return `${ASK_PROTOCOL} ${name}\n`
}

/** The process number in the first line of an asker, without its newline. Throws FormatError. */
export function parseIntroduction(line: string): number {
  return Number(matched(line, INTRODUCTION, 'introduction')[1])
}

/** The first line of an asker, with its newline. */
export function printIntroduction(pid: number): string {
  return `${ASK_PROTOCOL} ${pid}\n`
}

/** The store path in a question, without its newline. Throws FormatError. */
export function parseAsked(line: string): string {
  const [, path = ''] = matched(line, /^about (\/\S+)$/, 'question')
  return parseStorePath(path).path
}

/** A question, with its newline. Throws FormatError if it is not a store path. */
export function printAsked(path: string): string {
  return `about ${parseStorePath(path).path}\n`
}

/** What the gate says, or why it does not. */
export type Answered =
  | { readonly kind: 'answer'; readonly json: string }
  | { readonly kind: 'error'; readonly why: string }

/**
 * The first line of an answer, without its newline: its kind, and how many bytes follow. Throws
 * FormatError.
 */
export function parseAnswerHeader(line: string): {
  readonly kind: Answered['kind']
  readonly length: number
} {
  const [, kind, digits] = matched(line, HEADER, 'answer')
  const length = Number(digits)
  if (length > ASK_ANSWER_LIMIT) throw malformed('answer', `longer than ${ASK_ANSWER_LIMIT} bytes`)
  return { kind: kind as Answered['kind'], length }
}

/**
 * Reads a whole answer. Throws FormatError for anything else, and for what is not printable ASCII.
 */
export function parseAnswer(bytes: Uint8Array): Answered {
  const end = bytes.subarray(0, ASK_LINE_LIMIT).indexOf(10)
  if (end < 0) throw malformed('answer', 'has no first line')
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const { kind, length } = parseAnswerHeader(text.slice(0, end))
  const body = text.slice(end + 1)
  if (body.length !== length) throw malformed('answer', 'is not as long as it says')
  if (!LINE.test(body)) throw malformed('answer', 'has a character that is not printable ASCII')
  if (body === '') throw malformed('answer', 'is empty')
  return kind === 'answer' ? { kind, json: body } : { kind, why: body }
}

/**
 * The bytes of an answer. JSON must be in printable ASCII already; a reason is escaped and cut.
 * Throws FormatError for JSON that is not, or that is too long.
 */
export function printAnswer(answered: Answered): Buffer {
  const body = answered.kind === 'answer' ? answered.json : asciiText(answered.why).slice(0, REASON_LIMIT)
  const bytes = Buffer.from(`${answered.kind} ${body.length}\n${body}`, 'latin1')
  parseAnswer(bytes)
  return bytes
}

const REASON_LIMIT = 1000

function matched(line: string, form: RegExp, what: string): RegExpExecArray {
  if (line.length >= ASK_LINE_LIMIT) throw malformed(what, `longer than ${ASK_LINE_LIMIT} bytes`)
  if (!LINE.test(line)) throw malformed(what, 'has a character that is not printable ASCII')
  const found = form.exec(line)
  if (found === null) throw malformed(what, `is not of version ${ASK_PROTOCOL}, or has another form`)
  return found
}

function malformed(what: string, problem: string): FormatError {
  return new FormatError(what, problem, 'line 1')
}
