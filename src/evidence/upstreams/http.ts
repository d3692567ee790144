import type { IncomingMessage } from 'node:http'
import { FileError } from '../../files/regular-file.ts'
import { NARINFO_LIMIT } from '../../formats/nix/narinfo.ts'
import { type Answer, get, type Question, respond, type Streaming } from '../../http/client.ts'
import { SourceError } from '../../http/source-error.ts'
import type { UpstreamSettings } from '../../policy/policy.ts'
import { readAuthorization } from './authorization.ts'
import { locationOf, nameBelow } from './location.ts'
import { readOffer } from './read-offer.ts'
import type { Reachable, Said, Streamed, Upstream } from './upstream.ts'

/** Milliseconds within which a connection that was kept too long shows, and is no reason to give up. */
const AT_ONCE = 1000

/** Milliseconds for a whole file. Whoever sends it byte by byte never stalls, and never comes to an end. */
const STREAM_LIMIT = 6 * 60 * 60 * 1000

const NOT_THERE: readonly number[] = [404, 410]
/** S3 says so of what is not there, to whom it does not show a list of what is. */
const NOT_THERE_IN_THE_OPEN: readonly number[] = [...NOT_THERE, 403]

/** A binary cache over HTTP(S). With an authorization Nix cannot get its NARs itself. */
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
      return streamOf(await respond(question(name), streaming), { absent, timeout, streaming })
    },
    // Connections belong to all who ask the same server, and end by themselves.
    close: () => {},
  }
  return upstream
}

/** Asks once more where the connection was there from before, and turns out to have been closed by the server. */
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

/** A server error, or none to be reached, is no word on any path; what no binary cache answers is one. */
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

/** Ends a body of which nothing comes for so many milliseconds, or no end; leaves the connection as it was. */
function breakOffStalled(response: IncomingMessage, timeout: number): void {
  const { socket } = response
  const late = () => {
    response.destroy(new SourceError('did not go on with its answer', { isPassing: true }))
  }
  socket.setTimeout(timeout, late)
  const timer = setTimeout(late, STREAM_LIMIT).unref()
  response.once('close', () => clearTimeout(timer))
  // Whoever ended it has let go of the connection already.
  response.once('close', () => socket.setTimeout(0).removeListener('timeout', late))
}
