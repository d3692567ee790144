import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'

/** What a download may cost: bytes, and milliseconds in all. */
export interface DownloadLimits {
  readonly bytes: number
  readonly time: number
}

/**
 * A small file from http, https or file; undefined if the server, or the directory, does not have it. Throws FileError
 * if the server cannot be reached or answers with an error of its own, and if the file is larger than may be.
 */
export async function download(url: string, limits: DownloadLimits): Promise<Buffer | undefined> {
  const stream = await openUrl(url, limits)
  if (stream === undefined) return undefined
  return reading(url, async () => Buffer.concat(await stream.toArray()))
}

/** The same for a large file, into a new file; false if there is none. */
export async function downloadTo(file: string, url: string, limits: DownloadLimits): Promise<boolean> {
  const stream = await openUrl(url, limits)
  if (stream === undefined) return false
  await reading(url, () => pipeline(stream, createWriteStream(file, { flags: 'wx', mode: 0o600 })))
  return true
}

/** Statuses that say: not here. */
const ABSENT: readonly number[] = [400, 401, 403, 404, 405, 410, 451]

async function openUrl(url: string, limits: DownloadLimits): Promise<Readable | undefined> {
  const stream = new URL(url).protocol === 'file:' ? await openFile(url) : await openHttp(url, limits.time)
  return stream?.compose((pieces: AsyncIterable<Uint8Array>) => bounded(pieces, limits.bytes)) as
    | Readable
    | undefined
}

async function openFile(url: string): Promise<Readable | undefined> {
  try {
    const file = await open(fileURLToPath(url), 'r')
    if ((await file.stat()).isFile()) return file.createReadStream()
    await file.close()
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreachable(url, error)
  }
}

/** fetch() follows redirects to http and https alone. */
async function openHttp(url: string, time: number): Promise<Readable | undefined> {
  return reading(url, async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(time) })
    if (response.ok && response.body !== null) return Readable.fromWeb(response.body as never)
    await response.body?.cancel()
    if (ABSENT.includes(response.status)) return undefined
    throw new Error(`HTTP status ${response.status}`)
  })
}

async function* bounded(pieces: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const piece of pieces) {
    size += piece.byteLength
    if (size > limit) throw new Error(`larger than ${limit} bytes`)
    yield piece
  }
}

async function reading<T>(url: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw unreachable(url, error)
  }
}

function unreachable(url: string, error: unknown): FileError {
  const { message, cause } = error as Error
  const reason = cause instanceof Error ? `${message}: ${cause.message}` : message
  return new FileError(`cannot fetch ${printable(url)}: ${printable(reason, 300)}`)
}
