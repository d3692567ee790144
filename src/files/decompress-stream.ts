/**
 * Decompresses a stream with the system's own tools and Node's zlib. The caller knows the hash of
 * the contents and uses nothing before it was compared. Heavy: load it by `import()` only.
 */
import { spawn } from 'node:child_process'
import { addAbortSignal, type Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as zlib from 'node:zlib'
import { printable } from '../primitives/printable.ts'
import type { Compression } from './compressed/compression.ts'
import { compressionOf, DecompressionError, MAGIC_SIZE } from './decompress.ts'
import { findProgram, PROGRAM_DIRECTORIES } from './programs.ts'

const COMPLAINT_LIMIT = 4096

/**
 * Arguments, with the memory that a tool may take: more than the levels used by binary caches need.
 */
const ARGUMENTS: Readonly<Record<Exclude<Compression, 'gzip'>, readonly string[]>> = {
  xz: ['--decompress', '--stdout', '--format=xz', '--memlimit-decompress=256MiB'],
  bzip2: ['--decompress', '--stdout'],
  zstd: ['--decompress', '--stdout', '--quiet', '--memory=256MB'],
  lzip: ['--decompress', '--stdout'],
}

/** Node has its own zstd from 22.15 on. */
const { createZstdDecompress: createZstd } = zlib as {
  readonly createZstdDecompress?: (options: {
    readonly params: Readonly<Record<number, number>>
  }) => Transform
}

/** Zstandard's ZSTD_d_windowLogMax: as much memory as the program may take. */
const ZSTD_MEMORY = { params: { 100: 28 } }

/** How to decompress a stream. */
export interface DecompressOptions {
  /** As narinfo files name it: `xz`, `zstd`, `none` … */
  readonly compression: string
  /** At most this many bytes of the compressed stream are read. */
  readonly limit: number
  /** Ends the decompression when it aborts. */
  readonly signal: AbortSignal
  /**
   * Waits until a program may run, if one is needed; what it resolves with is called when the
   * program has ended. By default none waits.
   */
  readonly turn?: (signal: AbortSignal) => Promise<() => void>
}

type HowTo = Omit<DecompressOptions, 'limit'>

/**
 * The decompressed bytes of a stream. As in Nix, `none` is passed on, `br` is Brotli, and every
 * other format is recognised by its first bytes, whatever its name. Ends when the caller stops
 * reading or the signal aborts. Rejects with DecompressionError, with the error of the body, or
 * with the signal's reason.
 */
export async function* decompressed(
  body: Readable,
  { limit, signal, ...options }: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ended = new AbortController()
  const either = AbortSignal.any([signal, ended.signal])
  addAbortSignal(either, body)
  try {
    yield* await unpack(within(body, limit), { ...options, signal: either })
  } catch (error) {
    const isZlibs = /^(?:Z_|ZSTD_|ERR_BROTLI_|ERR__ERROR_)/.test(
      String((error as NodeJS.ErrnoException).code),
    )
    throw isZlibs ? corrupt(printable((error as Error).message, 200)) : error
  } finally {
    ended.abort()
  }
}

async function* within(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer, void, undefined> {
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > limit) throw corrupt(`it is longer than ${limit} bytes`)
    yield piece
  }
}

async function unpack(
  body: AsyncGenerator<Buffer, void, undefined>,
  { compression, signal, turn }: HowTo,
): Promise<AsyncIterable<Uint8Array>> {
  if (compression === 'none' || compression === '') return body
  if (compression === 'br') return through(body, zlib.createBrotliDecompress(), signal)
  const head = await headOf(body)
  const kind = compressionOf(head)
  const whole = chained(head, body)
  if (kind === 'gzip') return through(whole, zlib.createGunzip(), signal)
  if (kind === 'zstd' && createZstd !== undefined) return through(whole, createZstd(ZSTD_MEMORY), signal)
  if (kind !== undefined) return throughProgram(whole, kind, { signal, turn })
  throw corrupt(`it is compressed in an unknown way ("${printable(compression, 40)}")`)
}

/** The first MAGIC_SIZE bytes or more, fewer if the stream is shorter. */
async function headOf(pieces: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = Buffer.alloc(0)
  while (head.length < MAGIC_SIZE) {
    const { done, value } = await pieces.next()
    if (done === true) break
    head = Buffer.concat([head, value])
  }
  return head
}

async function* chained(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield head
  yield* rest
}

function through(source: AsyncIterable<Uint8Array>, tool: Transform, signal: AbortSignal): Transform {
  // An error on the way destroys the tool, so whoever reads from it sees the error.
  pipeline(source, tool, { signal }).catch(() => undefined)
  return tool
}

async function* throughProgram(
  source: AsyncIterable<Uint8Array>,
  kind: keyof typeof ARGUMENTS,
  { signal, turn }: Pick<HowTo, 'signal'> & { readonly turn: HowTo['turn'] | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const program = findProgram(kind)
  if (program === undefined) {
    throw new DecompressionError(`there is no program ${kind} on this system`, { isOurs: true })
  }
  const env = { PATH: PROGRAM_DIRECTORIES.join(':'), LC_ALL: 'C' }
  const done = await turn?.(signal)
  const start = () => spawn(program, ARGUMENTS[kind], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  const child = orGiveBack(start, done)
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_LIMIT)
  })
  const status = new Promise<number | null>(resolve => {
    child.once('error', error => {
      complaint = error.message
      resolve(null)
    })
    child.once('close', resolve)
  })
  status.then(done)
  let broken: unknown
  // A tool that has read enough closes its input (EPIPE). Other errors of the source are thrown
  // below.
  const fed = pipeline(source, child.stdin, { signal }).catch(error => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') broken = error
  })
  try {
    yield* child.stdout
    await fed
    if (broken !== undefined) throw broken
    if ((await status) !== 0) throw corrupt(`${kind}: ${printable(complaint.trim(), 200)}`)
  } finally {
    signal.removeEventListener('abort', kill)
    kill()
  }
}

function orGiveBack<T>(start: () => T, done: (() => void) | undefined): T {
  try {
    return start()
  } catch (error) {
    done?.()
    throw error
  }
}

function corrupt(message: string): DecompressionError {
  return new DecompressionError(message, { isOurs: false })
}
