import type { IncomingMessage } from 'node:http'
import { FileError } from '../../files/regular-file.ts'
import { CACHE_INFO_LIMIT } from '../../formats/nix/cache-info.ts'
import { NARINFO_LIMIT } from '../../formats/nix/narinfo.ts'
import { type Answer, get, type Question, respond, statusProblem } from '../../http/client.ts'
import { decodedStream, isEncoded, needsProgram } from '../../http/decode-body.ts'
import { routeWith } from '../../http/route.ts'
import { SourceError } from '../../http/source-error.ts'
import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { BackOff } from './back-off.ts'
import { type Authorization, authorizationFor } from './credentials.ts'
import { locationOf, nameBelow } from './location.ts'
import { openMisses } from './misses.ts'
import type { OpenOptions } from './open-options.ts'
import { readOffer } from './read-offer.ts'
import { keepStanding } from './standing.ts'
import { streamedResponse } from './streamed-response.ts'
import type { Reachable, Said, Streamed, StreamOptions, Upstream } from './upstream.ts'

/** Milliseconds within which a stale kept-alive connection shows; such a failure is retried. */
const AT_ONCE = 1000

/** Milliseconds for which a NAR or a log waits for a server that is busy. */
const STREAM_PATIENCE = 3000

const NOT_THERE: readonly number[] = [404, 410]
/** S3 answers 403 for an absent file where the client may not list the bucket. */
const NOT_THERE_IN_THE_OPEN: readonly number[] = [...NOT_THERE, 403]
/** Of a private cache, these may mean the same. */
const UNAUTHORISED: readonly number[] = [401, 403]

/** A binary cache over HTTP(S). */
export function httpUpstream(settings: UpstreamSettings, options: OpenOptions): Upstream {
  const { url } = settings
  const { timeout } = options
  const { question, isPrivate, isForUsAlone } = questionsTo(settings, options)
  // One for each kind of question: a cache that fails at logs, which anybody may ask for, can still
  // have NARs.
  const [narinfos, nars, logs] = [new BackOff(), new BackOff(), new BackOff()]
  const info = () => getFresh({ ...question('nix-cache-info', timeout), limit: CACHE_INFO_LIMIT })
  const standing = keepStanding(async () => {
    const { status, body } = await info()
    return status === 200 ? body : undefined
  }, settings.priority)
  const misses = openMisses(async () => (await info()).status === 200)
  /** Whether a refusal means, at this cache, that the file is absent. */
  const isMiss = async (error: unknown) => isPrivate() && isUnauthorised(error) && (await misses.are())

  const upstream: Upstream = {
    url,
    locate: name =>
      isForUsAlone()
        ? { kind: 'streamed', url: nameBelow(url, name) }
        : ({ kind: 'url', url: locationOf(url, name) } satisfies Reachable),
    async narinfo(digest): Promise<Said> {
      const name = `${digest}.narinfo`
      const problem = standing.problem()
      if (problem !== undefined) return { kind: 'silent', detail: problem }
      try {
        const { status, body } = await narinfos.ask(left => getFresh(question(name, left)), {
          within: timeout,
        })
        return status === 404 ? { kind: 'absent' } : readOffer(upstream, digest, body)
      } catch (error) {
        return (await isMiss(error)) ? { kind: 'absent' } : unansweredBy(error, isPrivate())
      }
    },
    async stream(name, options): Promise<Streamed | undefined> {
      const { signal, kind } = options
      const asked = question(name, timeout)
      try {
        const response = await (kind === 'log' ? logs : nars).ask(
          async () => withFile(await respond({ ...asked, isLong: true }, options), asked, options),
          { within: Math.min(timeout, STREAM_PATIENCE), signal },
        )
        return response && (await streamOf(response, timeout, options))
      } catch (error) {
        if (await isMiss(error)) return undefined
        throw error
      }
    },
    standing: standing.now,
    asked: standing.asked,
    forget() {
      for (const one of [narinfos, nars, logs, standing, misses]) one.forget()
    },
    // Connections are shared by everything that asks the same server, and close by themselves.
    close: () => {},
  }
  return upstream
}

/** How a cache is asked: by which way, and as whom. */
function questionsTo(settings: UpstreamSettings, { http, netrcFile }: OpenOptions) {
  const { url, client } = settings
  const route = routeWith({ noProxy: [], ...http, ...(client === undefined ? {} : { client }) })
  const authorization = authorizationFor(settings, netrcFile)
  const isPrivate = () => client !== undefined || isSome(authorization)
  const isReachedOtherwise =
    route.isProxied(new URL(url)) || (http?.certificates !== undefined && url.startsWith('https:'))
  return {
    /** Throws FormatError and FileError. */
    question(name: string, milliseconds: number): Question {
      const value = authorization()
      return {
        url: locationOf(url, name),
        limit: NARINFO_LIMIT,
        excess: 'refuse',
        encodings: 'decode',
        redirects: 'anywhere as safe',
        route,
        patience: { headers: milliseconds, body: milliseconds, pauses: [] },
        absent: client === undefined && value === undefined ? NOT_THERE_IN_THE_OPEN : NOT_THERE,
        ...(value === undefined ? {} : { authorization: value }),
      }
    },
    isPrivate,
    /** Whether Nix lacks what nixsig's own configuration says, so that NARs go through the gate. */
    isForUsAlone: () => isReachedOtherwise || isPrivate(),
  }
}

/** True if its file cannot be read: that is said to whoever asks for something. */
function isSome(authorization: Authorization): boolean {
  try {
    return authorization() !== undefined
  } catch (error) {
    if (error instanceof FileError) return true
    throw error
  }
}

function isUnauthorised(error: unknown): boolean {
  return error instanceof SourceError && UNAUTHORISED.includes(error.status ?? 0)
}

/** Asks again if the connection was kept alive and the server turns out to have closed it. */
async function getFresh(question: Question): Promise<Answer> {
  const started = performance.now()
  try {
    return await get(question)
  } catch (error) {
    const isStale = error instanceof SourceError && error.isPassing && error.hardship === 'unreachable'
    if (!isStale || performance.now() - started > AT_ONCE) throw error
    return get(question)
  }
}

/**
 * A server error or an unreachable server says nothing about a path. An answer that no binary cache
 * gives is malformed.
 */
function unansweredBy(error: unknown, isPrivate: boolean): Said {
  if (!(error instanceof SourceError || error instanceof FileError)) throw error
  const isGarbage = error instanceof SourceError && error.isGarbage
  const doubt = isPrivate && isUnauthorised(error) ? '; is its authorization still accepted?' : ''
  return { kind: isGarbage ? 'malformed' : 'silent', detail: error.message + doubt }
}

/** The response if it brings the file; undefined if that is absent. Throws SourceError. */
function withFile(
  response: IncomingMessage,
  { absent }: Question,
  { range }: StreamOptions,
): IncomingMessage | undefined {
  const status = response.statusCode ?? 0
  if (status === 200 || (status === 206 && range !== undefined)) return response
  response.destroy()
  if (absent?.includes(status)) return undefined
  throw statusProblem(response)
}

async function streamOf(
  response: IncomingMessage,
  timeout: number,
  options: StreamOptions,
): Promise<Streamed> {
  const status = response.statusCode === 206 ? 206 : 200
  const encoding = response.headers['content-encoding']
  if (encoding === undefined || !isEncoded(encoding)) return streamedResponse(response, status, timeout)
  if (options.encoded !== undefined) return { ...streamedResponse(response, status, timeout), encoding }
  return decodedOf(response, timeout, options)
}

/**
 * A whole file that came in an encoding that nobody asked for. Neither its length nor a part of it
 * is known, so a request for a part is refused. Waits for the turn of a program.
 */
async function decodedOf(
  response: IncomingMessage,
  timeout: number,
  { signal, turns }: StreamOptions,
): Promise<Streamed> {
  const encoding = response.headers['content-encoding']
  const ended = new AbortController()
  const broken = new SourceError('broke off in the middle of its answer', { isPassing: true })
  response.once('close', () => ended.abort(broken))
  const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
  let done: (() => void) | undefined
  try {
    if (response.statusCode !== 200) {
      throw new SourceError('answered with a part of an encoded file', { isPassing: false })
    }
    // Before the body counts as one that stands still: what waits for a turn is not read.
    if (turns !== undefined && needsProgram(encoding)) done = await turns.program(either)
    const { body } = streamedResponse(response, 200, timeout)
    const decoded = decodedStream(body, encoding, {
      signal,
      turn: done === undefined ? turns?.program : async () => () => {},
    })
    decoded.once('close', () => done?.())
    return { status: 200, length: undefined, body: decoded }
  } catch (error) {
    done?.()
    response.destroy()
    throw error
  }
}
