import type { IncomingMessage } from 'node:http'
import { FileError } from '../../../files/regular-file.ts'
import { CACHE_INFO_LIMIT } from '../../../formats/nix/cache-info.ts'
import { NARINFO_LIMIT } from '../../../formats/nix/narinfo.ts'
import { get, type Question, respond } from '../../../http/client.ts'
import { type Route, routeWith } from '../../../http/route.ts'
import { SourceError } from '../../../http/source-error.ts'
import type { UpstreamSettings } from '../../../policy/gate-settings.ts'
import { FormatError } from '../../../primitives/format-error.ts'
import { locationOf, nameBelow } from '../location.ts'
import type { OpenOptions } from '../open-options.ts'
import { readOffer } from '../read-offer.ts'
import { keepStanding } from '../standing.ts'
import { streamedResponse } from '../streamed-response.ts'
import type { Said, Streamed, Upstream } from '../upstream.ts'
import { readS3Address, type S3Address } from './address.ts'
import type { CredentialSource } from './credentials.ts'
import { codeOf, refusalWords, type S3Refusal } from './refusal.ts'

/** Milliseconds for which it is believed that the bucket can be read, and that it cannot. */
const GOOD = 600_000
const BAD = 5000
/** Bytes of an error's body that are read. */
const ERROR_LIMIT = 8192

const ABSENT: readonly number[] = [404, 410]

/** What is common to all requests to a bucket. */
interface Bucket {
  readonly address: S3Address
  readonly timeout: number
  readonly route: Route
  readonly credentials: () => Promise<CredentialSource>
}

/**
 * A binary cache in a bucket of S3, or of a server that speaks its protocol. The gate streams its
 * NARs: Nix has no credentials, or other ones.
 */
export function s3Upstream(settings: UpstreamSettings, { timeout, http }: OpenOptions): Upstream {
  const { url } = settings
  const address = readS3Address(url)
  let source: Promise<CredentialSource> | undefined
  const credentials = () => {
    source ??= import('./credentials.ts').then(({ openCredentials }) =>
      openCredentials(address.profile, timeout),
    )
    return source
  }
  const route = routeWith({ noProxy: [], ...http })
  const bucket: Bucket = { address, timeout, credentials, route }
  const standing = keepStanding(async () => {
    const { status, body } = await get({
      ...(await questionOf(bucket, 'nix-cache-info', ABSENT)),
      limit: CACHE_INFO_LIMIT,
    })
    return status === 200 ? body : undefined
  }, settings.priority)
  const state = keepState(bucket)

  const upstream: Upstream = {
    url,
    locate(name) {
      if (name.includes('?')) throw new FormatError('narinfo', 'its URL has a query', 'the bucket is S3')
      return { kind: 'streamed', url: nameBelow(address.base, name) }
    },
    standing: standing.now,
    asked: standing.asked,
    forget() {
      state.forget()
      standing.forget()
    },
    async narinfo(digest): Promise<Said> {
      const problem = standing.problem()
      if (problem !== undefined) return { kind: 'silent', detail: problem }
      try {
        const absent = await state.absent()
        const { status, body } = await get(await questionOf(bucket, `${digest}.narinfo`, absent))
        return status === 404 ? { kind: 'absent' } : readOffer(upstream, digest, body)
      } catch (error) {
        if (error instanceof FileError) return { kind: 'silent', detail: error.message }
        if (!(error instanceof SourceError)) throw error
        return said(await state.reason(error))
      }
    },
    async stream(name, streaming): Promise<Streamed | undefined> {
      const absent = await state.absent()
      const response = await respond(await questionOf(bucket, name, absent), streaming)
      const status = response.statusCode ?? 0
      if (status === 200 || (status === 206 && streaming.range !== undefined))
        return streamedResponse(response, status, timeout)
      const refusal = await refusalOf(response, timeout)
      if (absent.includes(status) && codeOf(refusal) !== 'NoSuchBucket') return undefined
      throw new SourceError(await wordsOf(bucket, refusal), { isPassing: false })
    },
    close: () => {},
  }
  return upstream
}

/**
 * What is known about a bucket: whether it can be read, found by asking for the file that every
 * cache has. Where that is so, 403 means that a file is absent: S3 says so to whoever may read but
 * not list.
 */
function keepState(bucket: Bucket) {
  let known: { readonly found: Promise<readonly number[]>; until: number } | undefined
  const absent = () => {
    if (known !== undefined && performance.now() < known.until) return known.found
    const found = examine(bucket)
    const latest = { found, until: performance.now() + GOOD }
    known = latest
    found.catch(async () => {
      latest.until = performance.now() + BAD
      ;(await bucket.credentials()).forget()
    })
    return found
  }
  return {
    /** Rejects with SourceError if the bucket cannot be read. */
    absent,
    forget() {
      known = undefined
    },
    /** Why a request failed: what is the matter with the bucket, or else the error itself. */
    async reason(error: SourceError): Promise<SourceError> {
      if (error.isPassing) return error
      const isFresh = known !== undefined && performance.now() > known.until - BAD
      if (!isFresh && known !== undefined) known = undefined
      return absent().then(
        () => error,
        (reason: unknown) => {
          if (reason instanceof SourceError) return reason
          throw reason
        },
      )
    },
  }
}

/** The statuses that mean that a file is absent. Rejects with SourceError if it cannot be read. */
async function examine(bucket: Bucket): Promise<readonly number[]> {
  const response = await respond(await questionOf(bucket, 'nix-cache-info', []))
  if (response.statusCode === 200) {
    response.destroy()
    return [...ABSENT, 403]
  }
  const refusal = await refusalOf(response, bucket.timeout)
  if (refusal.status === 404 && codeOf(refusal) !== 'NoSuchBucket') return ABSENT
  throw new SourceError(await wordsOf(bucket, refusal), { isPassing: refusal.status >= 500 })
}

async function questionOf(bucket: Bucket, name: string, absent: readonly number[]): Promise<Question> {
  const { address, timeout, route } = bucket
  const location = locationOf(address.base, name)
  const credentials = await (await bucket.credentials()).find()
  const { signUrl } = await import('./sign.ts')
  return {
    url: credentials === undefined ? location : await signUrl(location, { ...address, credentials }),
    limit: NARINFO_LIMIT,
    excess: 'refuse',
    patience: { headers: timeout, body: timeout, pauses: [] },
    absent,
    // A signature is good for one host; S3 redirects to another region without saying where it is.
    redirects: 'none',
    route,
  }
}

async function wordsOf({ address, credentials }: Bucket, refusal: S3Refusal): Promise<string> {
  const isSigned = (await (await credentials()).find()) !== undefined
  return refusalWords(address, refusal, isSigned, Date.now())
}

/** What a refusal says, as far as it arrives within `timeout` milliseconds. */
async function refusalOf(response: IncomingMessage, timeout: number): Promise<S3Refusal> {
  const { statusCode = 0, headers } = response
  let text = ''
  const timer = setTimeout(() => response.destroy(new Error('late')), timeout)
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text += chunk.toString('latin1')
      if (text.length >= ERROR_LIMIT) break
    }
  } catch {
    // What has arrived is enough for words.
  } finally {
    clearTimeout(timer)
  }
  response.destroy()
  const region = headers['x-amz-bucket-region']
  return {
    status: statusCode,
    region: typeof region === 'string' ? region : undefined,
    date: headers.date,
    text: text.slice(0, ERROR_LIMIT),
  }
}

function said({ isGarbage, message }: SourceError): Said {
  return { kind: isGarbage ? 'malformed' : 'silent', detail: message }
}
