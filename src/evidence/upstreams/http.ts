import type { IncomingMessage } from 'node:http'
import { FileError } from '../../files/regular-file.ts'
import { NARINFO_LIMIT } from '../../formats/nix/narinfo.ts'
import { type Answer, get, type Question, respond, type Streaming } from '../../http/client.ts'
import { SourceError } from '../../http/source-error.ts'
import type { UpstreamSettings } from '../../policy/gate-settings.ts'
import { readAuthorization } from './authorization.ts'
import { locationOf, nameBelow } from './location.ts'
import { readOffer } from './read-offer.ts'
import type { Reachable, Said, Streamed, Upstream } from './upstream.ts'

/** Milliseconds within which a stale kept-alive connection shows; such a failure is retried. */
const AT_ONCE = 1000

/**
 * Milliseconds for a whole file. A server that sends it byte by byte never stalls but never
 * finishes.
 */
const STREAM_LIMIT = 6 * 60 * 60 * 1000

const NOT_THERE: readonly number[] = [404, 410]
/** S3 answers 403 for an absent file where the client may not list the bucket. */
const NOT_THERE_IN_THE_OPEN: readonly number[] = [...NOT_THERE, 403]

/**
 * A binary cache over HTTP(S). If it needs an authorization, Nix cannot download its NARs itself.
 */
export function httpUpstream({ url, authorization }: UpstreamSettings, timeout: number): Upstream {
  const absent = authorization === undefined ? NOT_THERE_IN_THE_OPEN : NOT_THERE
  const patience = { headers: timeout, body: timeout, pauses: [] }
  const question = (name: string): Question => ({
    url: locationOf(url, name),
    limit: NARINFO_LIMIT,
    excess: 'refuse',
    patience,
    absent,
    ...(authorization === undefined ? {} : { authorization: readAuthorization(authorization) }),
  })
  const locate = (name: string): Reachable =>
    authorization === undefined
      ? { kind: 'url', url: locationOf(url, name) }
      : { kind: 'streamed', url: nameBelow(url, name) }

  const upstream: Upstream = {
    url,
    locate,
    async narinfo(digest): Promise<Said> {
      try {
        const { status, body } = await getOnce(question(`${digest}.narinfo`))
        if (status === 404) return { kind: 'absent' }
        return readOffer(upstream, digest, body)
      } catch (error) {
        return unansweredBy(error)
      }
    },
    async stream(name, streaming): Promise<Streamed | undefined> {
      return streamOf(await respond({ ...question(name), isLong: true }, streaming), {
        absent,
        timeout,
        streaming,
      })
    },
    // Connections are shared by everything that asks the same server, and close by themselves.
    close: () => {},
  }
  return upstream
}

/** Asks again if the connection was kept alive and the server turns out to have closed it. */
async function getOnce(question: Question): Promise<Answer> {
  const started = performance.now()
  try {
    return await get(question)
  } catch (error) {
    const isStale = error instanceof SourceError && error.isPassing
    if (!isStale || performance.now() - started > AT_ONCE) throw error
    return get(question)
  }
}

/**
 * A server error or an unreachable server says nothing about a path. An answer that no binary cache
 * gives is malformed.
 */
function unansweredBy(error: unknown): Said {
  if (!(error instanceof SourceError || error instanceof FileError)) throw error
  const isGarbage = error instanceof SourceError && error.isGarbage
  return { kind: isGarbage ? 'malformed' : 'silent', detail: error.message }
}

function streamOf(
  response: IncomingMessage,
  { absent, timeout, streaming }: { absent: readonly number[]; timeout: number; streaming: Streaming },
): Streamed | undefined {
  const status = response.statusCode ?? 0
  if (absent.includes(status)) {
    response.destroy()
    return undefined
  }
  if (status !== 200 && !(status === 206 && streaming.range !== undefined)) {
    response.destroy()
    throw new SourceError(`answered ${status}`, { isPassing: false })
  }
  if ((response.headers['content-encoding'] ?? 'identity') !== 'identity') {
    response.destroy()
    throw new SourceError('answered in an encoding, which was not asked for', { isPassing: false })
  }
  breakOffStalled(response, timeout)
  const length = Number(response.headers['content-length'] ?? Number.NaN)
  const { 'content-range': contentRange } = response.headers
  return {
    status,
    length: Number.isSafeInteger(length) ? length : undefined,
    ...(contentRange === undefined ? {} : { contentRange }),
    body: response,
  }
}

/**
 * Ends a body that stalls for `timeout` milliseconds or takes too long in all. Leaves the
 * connection as it was.
 */
function breakOffStalled(response: IncomingMessage, timeout: number): void {
  const { socket } = response
  const late = () => {
    response.destroy(new SourceError('did not go on with its answer', { isPassing: true }))
  }
  socket.setTimeout(timeout, late)
  const timer = setTimeout(late, STREAM_LIMIT).unref()
  response.once('close', () => clearTimeout(timer))
  // If the body was ended early, the connection has been released already.
  response.once('close', () => socket.setTimeout(0).removeListener('timeout', late))
}
