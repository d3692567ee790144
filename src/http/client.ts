/**
 * A client for HTTP/1.1 with or without TLS (RFC 9110). It uses none of the caller's settings: no
 * cookies, no credentials, no proxies, and no environment variables (which could disable the
 * verification of certificates).
 */
import { existsSync, readFileSync } from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onAbort, within } from '../files/deadline.ts'
import { printable } from '../primitives/printable.ts'
import type { Patience } from './patience.ts'
import { asSourceError, SourceError } from './source-error.ts'

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
  /**
   * Where redirections may lead. By default to the same host only, and never from https to http.
   * `none`: a redirection is the answer.
   */
  readonly redirects?: 'same host' | 'anywhere' | 'none'
  /** Statuses that mean that the file does not exist; by default 404 only. */
  readonly absent?: readonly number[]
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

/**
 * Redirections that one request follows at most. Mirrors of sources need more than attestations.
 */
const REDIRECT_LIMIT = { 'same host': 3, anywhere: 20 } as const
/** Informational responses (1xx: RFC 9110, section 15.2) allowed before the final one. */
const INFORMATION_LIMIT = 16
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]
/** Statuses that may pass: overload, and gateways (RFC 9110, section 15.6; RFC 6585). */
const PASSING: readonly number[] = [408, 429, 500, 502, 503, 504]

/**
 * The system's trusted certificates, on NixOS and Debian, and on Fedora. Otherwise Node's own are
 * used.
 */
const CERTIFICATES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']

/**
 * Gets a file. Follows redirections, and tries again after errors that may pass. Throws
 * SourceError, also if the answer is compressed or has a status other than 200, 304 and those for
 * an absent file.
 */
export async function get(question: Question): Promise<Answer> {
  const { pauses } = question.patience
  for (let tries = 0; ; tries++) {
    try {
      return await follow(question)
    } catch (error) {
      const pause = pauses[tries]
      if (!(error instanceof SourceError) || !error.isPassing || pause === undefined) throw error
      await sleep(pause)
    }
  }
}

/** One try, with one limit of time from the connection to the last byte. */
function follow(question: Question): Promise<Answer> {
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

async function redirected(
  question: Question,
  streaming: Streaming,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const first = new URL(question.url)
  let url = first
  const { redirects = 'same host' } = question
  for (let count = 0; ; count++) {
    const { authorization } = question
    const isOwn = authorization !== undefined && url.origin === first.origin
    const more = {
      ...(isOwn ? { authorization } : {}),
      ...(streaming.range === undefined ? {} : { range: streaming.range }),
    }
    const response = await ask(url, { ...headersOf(question), ...more }, signal)
    if (redirects === 'none' || !REDIRECTS.includes(response.statusCode ?? 0)) return response
    response.destroy()
    const limit = REDIRECT_LIMIT[redirects]
    if (count === limit) throw refused(`redirects more than ${limit} times`)
    url = redirection(url, response.headers.location ?? '', redirects)
  }
}

/** Where a redirection leads. Throws SourceError if that is not allowed. */
function redirection(from: URL, location: string, allowed: 'same host' | 'anywhere'): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  const isAddress =
    to !== undefined && to.username === '' && to.password === '' && /^https?:$/.test(to.protocol)
  if (isAddress && allowed === 'anywhere') return to
  const isSafer = to?.protocol === 'https:' && to.hostname === from.hostname
  if (isAddress && (isSafer || to.origin === from.origin)) return to
  const why = allowed === 'anywhere' ? 'is not an address to follow' : 'is not the same host'
  throw refused(`redirects to "${printable(location, 120)}", which ${why}`)
}

function headersOf({ known }: Question): Readonly<Record<string, string>> {
  return {
    'user-agent': 'nixsig',
    'accept-encoding': 'identity',
    ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
    ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
  }
}

/**
 * The response to one request, once its headers have arrived. Rejects with SourceError on an error,
 * another protocol (101), a connection that closes without a response, or when `signal` aborts. The
 * request has ended then.
 */
function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? https.request(url, { headers, agent: secureAgent(), insecureHTTPParser: false })
        : http.request(url, { headers, agent: plainAgent, insecureHTTPParser: false })
    // Rejects first, since destroying a request emits no event in some of its states.
    const fail = (error: SourceError) => {
      reject(error)
      request.destroy()
    }
    const stopListening = onAbort(signal, reason => fail(asSourceError(reason)))
    let informed = 0
    request.on('information', () => {
      if (++informed > INFORMATION_LIMIT) fail(refused('goes on announcing an answer, and gives none'))
    })
    request.once('upgrade', (response: IncomingMessage, socket: Socket) => {
      socket.on('error', () => {})
      socket.destroy()
      fail(refused(`answered ${response.statusCode}, and nobody asked for another protocol`))
    })
    request.once('response', resolve)
    // Also for errors that come too late to reject: without a listener they would end the program.
    request.on('error', error => fail(asSourceError(error)))
    request.once('close', () => {
      stopListening()
      reject(new SourceError('closed the connection without an answer', { isPassing: true }))
    })
    request.end()
  })
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
  if (status !== 200) throw new SourceError(`answered ${status}`, { isPassing: PASSING.includes(status) })
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    response.destroy()
    throw refused(`answered in the encoding "${printable(encoding, 40)}", which was not asked for`)
  }
  return { status, body: await bodyOf(response, question, signal), validators: validatorsOf(response) }
}

async function bodyOf(
  response: IncomingMessage,
  { limit, excess }: Question,
  signal: AbortSignal,
): Promise<Buffer> {
  const tooLong = refused(`answered with more than ${limit} bytes`)
  if (excess === 'refuse' && Number(response.headers['content-length'] ?? 0) > limit) {
    response.destroy()
    throw tooLong
  }
  const stopListening = onAbort(signal, () => response.destroy())
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length <= limit) continue
      if (excess === 'refuse') throw tooLong
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

/** Connections to one server at the same time. */
const CONNECTIONS = 32

/** Connections are reused, and an idle one does not keep the program from ending. */
const plainAgent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
let agentForTls: https.Agent | undefined

/** Sets explicitly what the environment could change otherwise. */
function secureAgent(): https.Agent {
  const file = CERTIFICATES.find(existsSync)
  agentForTls ??= new https.Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(file === undefined ? {} : { ca: readFileSync(file) }),
  })
  return agentForTls
}

function tooLate(problem: string): SourceError {
  return new SourceError(problem, { isPassing: true })
}

function refused(problem: string): SourceError {
  return new SourceError(problem, { isPassing: false, isGarbage: true })
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} seconds`
}
