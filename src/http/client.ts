/**
 * A client for HTTP/1.1 with or without TLS (RFC 9110). It uses none of the caller's settings: no
 * cookies, no credentials, no proxies but those of the route, and no environment variables (which
 * could disable the verification of certificates).
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { onAbort, within } from '../files/deadline.ts'
import { printable } from '../primitives/printable.ts'
import { decodeBody, isEncoded } from './decode-body.ts'
import type { Patience } from './patience.ts'
import { follow, type Redirects } from './redirect.ts'
import { retryAfter } from './retry-after.ts'
import type { Route } from './route.ts'
import { asSourceError, refused, SourceError, tooLate } from './source-error.ts'
import { proxyProblem } from './tunnel.ts'

/** A request for one file, and what may be accepted as an answer. */
export interface Question {
  readonly url: string
  /** The most bytes of the body that are wanted. */
  readonly limit: number
  /** What to do with a longer body: refuse it, or ignore what exceeds the limit. */
  readonly excess: 'refuse' | 'cut'
  /** Validators of an earlier answer. If the file has not changed since, the answer is 304. */
  readonly known?: Validators
  readonly patience: Patience
  /** Value of the header `Authorization`, sent to the URL's own origin only. */
  readonly authorization?: string
  /** By default the same host. */
  readonly redirects?: Redirects
  /** By default directly, with the system's certificates. */
  readonly route?: Route
  /** Statuses that mean that the file does not exist; by default 404 only. */
  readonly absent?: readonly number[]
  /** Whether a body in an encoding that nobody asked for is decoded; by default it is refused. */
  readonly encodings?: 'decode' | 'refuse'
  /** Whether it is a long one, which must not keep others from a connection. */
  readonly isLong?: boolean
}

/** Validators (RFC 9110, section 8.8). Each can be sent in a header as it is. */
export interface Validators {
  readonly etag?: string
  readonly lastModified?: string
}

/** The body is empty for 304 and 404. */
export interface Answer {
  readonly status: 200 | 304 | 404
  readonly body: Buffer
  readonly validators: Validators
}

/** Statuses that may pass: overload, and gateways (RFC 9110, section 15.6; RFC 6585). */
const BUSY: readonly number[] = [429, 503]
const FAILING: readonly number[] = [408, 500, 502, 504]

/**
 * Gets a file. Follows redirections, and tries again after errors that may pass. Throws
 * SourceError, also if the answer is compressed or has a status other than 200, 304 and those for
 * an absent file; FileError if a file of the route cannot be used.
 */
export async function get(question: Question): Promise<Answer> {
  const { pauses } = question.patience
  for (let tries = 0; ; tries++) {
    try {
      return await getOnce(question)
    } catch (error) {
      const pause = pauses[tries]
      if (!(error instanceof SourceError) || !error.isPassing || pause === undefined) throw error
      await sleep(pause)
    }
  }
}

/** One try, with one limit of time from the connection to the last byte. */
function getOnce(question: Question): Promise<Answer> {
  const milliseconds = question.patience.body
  let problem = 'no answer'
  const late = () => tooLate(`${problem} within ${seconds(milliseconds)}`)
  return within({ milliseconds, late }, async signal => {
    const response = await respond(question)
    problem = 'did not come to the end of its answer'
    return answerOf(response, question, signal)
  })
}

/** Options for a request whose body is read as a stream. */
export interface Streaming {
  readonly range?: string
  readonly signal?: AbortSignal
}

/**
 * The response after redirections, with its body unread; the caller has to enforce `limit` and
 * `excess`. The limit of time for headers covers all redirections together. Throws SourceError.
 */
export async function respond(question: Question, streaming: Streaming = {}): Promise<IncomingMessage> {
  const milliseconds = question.patience.headers
  const late = () => tooLate(`no answer within ${seconds(milliseconds)}`)
  const response = await within({ milliseconds, late, signal: streaming.signal }, signal =>
    redirected(question, streaming, signal),
  )
  const stopListening = onAbort(streaming.signal, () => response.destroy())
  response.once('close', stopListening)
  return response
}

function redirected(question: Question, { range }: Streaming, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, route, authorization, known, redirects = 'same host', isLong = false } = question
  const headers = {
    'user-agent': 'nixsig',
    'accept-encoding': 'identity',
    ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
    ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
    ...(range === undefined ? {} : { range }),
  }
  const ownHeaders: Readonly<Record<string, string>> = authorization === undefined ? {} : { authorization }
  return follow({ url, route, redirects, headers, ownHeaders, isLong }, signal)
}

/** What is wrong with an answer of this status, which brings nothing that was asked for. */
export function statusProblem({ statusCode: status = 0, headers }: IncomingMessage): SourceError {
  if (status === 407) return proxyProblem(status)
  const isPassing = BUSY.includes(status) || FAILING.includes(status)
  if (!isPassing) return new SourceError(`answered ${status}`, { isPassing, status })
  const wait = retryAfter(headers['retry-after'], Date.now())
  const hardship = BUSY.includes(status) || wait !== undefined ? 'busy' : 'failing'
  return new SourceError(`answered ${status}`, { isPassing, status, hardship, retryAfter: wait })
}

async function answerOf(response: IncomingMessage, question: Question, signal: AbortSignal): Promise<Answer> {
  const status = response.statusCode ?? 0
  if (status === 304) response.resume()
  else if (status !== 200) response.destroy()
  if ((question.absent ?? [404]).includes(status))
    return { status: 404, body: Buffer.alloc(0), validators: {} }
  if (status === 304) {
    if (question.known !== undefined) return { status, body: Buffer.alloc(0), validators: question.known }
    throw refused('says that nothing has changed, and was not asked that')
  }
  if (status !== 200) throw statusProblem(response)
  const encoding = response.headers['content-encoding']
  if (isEncoded(encoding) && question.encodings !== 'decode') {
    response.destroy()
    throw refused(`answered in the encoding "${printable(encoding ?? '', 40)}", which was not asked for`)
  }
  const sent = await bodyOf(response, question, signal)
  const body = isEncoded(encoding) ? await decodeBody(sent, encoding, { ...question, signal }) : sent
  return { status, body, validators: validatorsOf(response) }
}

async function bodyOf(
  response: IncomingMessage,
  { limit, excess }: Question,
  signal: AbortSignal,
): Promise<Buffer> {
  const tooLong = () => refused(`answered with more than ${limit} bytes`)
  if (excess === 'refuse' && Number(response.headers['content-length'] ?? 0) > limit) {
    response.destroy()
    throw tooLong()
  }
  const stopListening = onAbort(signal, () => response.destroy())
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length <= limit) continue
      if (excess === 'refuse') throw tooLong()
      break
    }
  } catch (error) {
    throw asSourceError(error)
  } finally {
    stopListening()
  }
  return Buffer.concat(chunks).subarray(0, limit)
}

/**
 * Validators of this answer. Last-Modified is used only if it is at least two seconds before Date,
 * since a second change could have the same time otherwise (RFC 9110, section 8.8.2.2).
 */
function validatorsOf({ headers }: IncomingMessage): Validators {
  const { etag, date } = headers
  if (etag !== undefined && isFit(etag)) return { etag }
  const lastModified = headers['last-modified']
  const age = Date.parse(date ?? '') - Date.parse(lastModified ?? '')
  return lastModified !== undefined && isFit(lastModified) && age >= 2000 ? { lastModified } : {}
}

/** Visible ASCII and single spaces: fit for a line of text and for a header. */
function isFit(value: string): boolean {
  return value.length <= 256 && /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(value)
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} seconds`
}
