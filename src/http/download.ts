import { constants, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { within } from '../files/deadline.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { respond } from './client.ts'
import { shownUrl } from './shown-url.ts'

/**
 * Limits of a download: bytes in all, milliseconds in all, and milliseconds without receiving a
 * byte.
 */
export interface DownloadLimits {
  readonly bytes: number
  readonly time: number
  readonly silence: number
  /** Hears how many bytes have come so far. */
  readonly received?: (bytes: number) => void
}

/**
 * The server, or the disk, was reached, but its answer cannot be used. Another URL on it may work.
 */
export class UnusableAnswerError extends FileError {}

/**
 * Reads a small file from an http, https or file URL; undefined if the server, or the directory,
 * does not have it. Throws FileError if the server cannot be reached, and UnusableAnswerError if it
 * answers with an error of its own, or with too much. No message contains the credentials or the
 * query of a URL.
 */
export async function download(url: string, limits: DownloadLimits): Promise<Buffer | undefined> {
  return reading(url, limits, async watch => {
    const stream = await openUrl(url, limits, watch)
    if (stream === undefined) return undefined
    const pieces: Uint8Array[] = []
    for await (const piece of watch.watched(stream)) pieces.push(piece)
    return Buffer.concat(pieces)
  })
}

/**
 * Downloads a large file into a new file; false if the server does not have it. Throws like
 * `download`.
 */
export async function downloadTo(file: string, url: string, limits: DownloadLimits): Promise<boolean> {
  return reading(url, limits, async watch => {
    const stream = await openUrl(url, limits, watch)
    if (stream === undefined) return false
    await pipeline(stream, watch.watched, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
    return true
  })
}

/** Statuses that mean: not here. */
const ABSENT: readonly number[] = [400, 401, 403, 404, 405, 410, 451]

interface Watch {
  readonly signal: AbortSignal
  /** Yields the pieces that it is given, within the limits. */
  readonly watched: (pieces: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>
}

const BY_OTHER_MEANS = 'fetch it by other means, and give the file'

function openUrl(url: string, limits: DownloadLimits, { signal }: Watch): Promise<Readable | undefined> {
  const { protocol } = new URL(url)
  if (protocol === 'file:') return openFile(url)
  if (protocol === 'http:' || protocol === 'https:') return openHttp(url, limits, signal)
  throw unusable(url, `only http, https and file URLs are fetched; next: ${BY_OTHER_MEANS}`)
}

/** Opens without waiting for the writer of a FIFO. Anything but a regular file counts as absent. */
async function openFile(url: string): Promise<Readable | undefined> {
  try {
    const file = await open(fileURLToPath(url), constants.O_RDONLY | constants.O_NONBLOCK)
    if ((await file.stat()).isFile()) return file.createReadStream()
    await file.close()
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Follows redirections to any host, since what is fetched is verified by its hash or by a signature
 * over it. Credentials go to the URL's own origin only.
 */
async function openHttp(
  url: string,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<Readable | undefined> {
  const response = await respond(
    {
      ...credentialsApart(url),
      limit: limits.bytes,
      excess: 'refuse',
      redirects: 'anywhere',
      // The limit for silence usually ends it sooner.
      patience: { headers: limits.time, body: limits.time, pauses: [] },
    },
    { signal },
  )
  const { statusCode: status = 0, headers } = response
  const encoding = headers['content-encoding'] ?? 'identity'
  // The signature is about the file's own bytes, not about what an encoding unpacks to.
  if (status === 200 && encoding === 'identity') return response
  response.destroy()
  if (ABSENT.includes(status)) return undefined
  throw unusable(url, status === 200 ? `answered in the encoding "${encoding}"` : `HTTP status ${status}`)
}

/** Moves credentials from the URL to a header, so that no request has them in its target. */
function credentialsApart(text: string): { readonly url: string; readonly authorization?: string } {
  const url = new URL(text)
  const { username, password } = url
  if (username === '' && password === '') return { url: text }
  const [name, secret] = [username, password].map(each => decoded(each, text))
  Object.assign(url, { username: '', password: '' })
  const basic = Buffer.from(`${name}:${secret}`, 'utf8').toString('base64')
  return { url: url.href, authorization: `Basic ${basic}` }
}

/** Decodes a part of the credentials in a URL; of these no message says anything. */
function decoded(part: string, url: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw unusable(url, 'its name or password has a % that is not an escape; next: write it as %25')
  }
}

/**
 * Reads within the limits. Returns when the time is over, whatever the reading waits for. Throws
 * FileError.
 */
async function reading<T>(
  url: string,
  limits: DownloadLimits,
  read: (watch: Watch) => Promise<T>,
): Promise<T> {
  const silent = new AbortController()
  const silence = setTimeout(
    () => silent.abort(new Error(`silent for ${limits.silence / 1000} seconds`)),
    limits.silence,
  )
  async function* watched(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let size = 0
    for await (const piece of pieces) {
      silence.refresh()
      size += piece.byteLength
      if (size > limits.bytes) throw unusable(url, `larger than ${limits.bytes} bytes`)
      limits.received?.(size)
      yield piece
    }
  }
  const late = () => new Error(`longer than ${limits.time / 1000} seconds`)
  const limit = { milliseconds: limits.time, late, signal: silent.signal }
  try {
    return await within(limit, signal => read({ signal, watched }))
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(problemOf(url, error))
  } finally {
    clearTimeout(silence)
  }
}

function unusable(url: string, problem: string): UnusableAnswerError {
  return new UnusableAnswerError(problemOf(url, new Error(problem)))
}

function problemOf(url: string, error: unknown): string {
  const { message, cause } = error as Error
  const reason = cause instanceof Error ? `${message}: ${cause.message}` : message
  return `cannot fetch ${shownUrl(url)}: ${printable(reason, 300)}`
}
