/**
 * Decodes bodies that a server sent with a Content-Encoding although nobody asked for one (RFC 9110,
 * section 8.4). Some caches store their files so. Nix decodes the same ones.
 */
import { PassThrough, pipeline, Readable } from 'node:stream'
import { createInflate, createInflateRaw } from 'node:zlib'
import type { DecompressOptions } from '../files/decompress-stream.ts'
import { isBuiltIn } from '../files/decompressors.ts'
import { printable } from '../primitives/printable.ts'
import { NoTurn, openProgramTurns, type ProgramTurns } from './program-turns.ts'
import { asSourceError, refused, SourceError } from './source-error.ts'

/** As many as curl takes off one body. */
const LAYER_LIMIT = 5

/**
 * Programs that undo encodings at once: of short bodies, which need them for a moment, and of streams,
 * which need them for as long as they take.
 */
const [BODIES, STREAMS] = [openProgramTurns(4), openProgramTurns(32)]

/**
 * Bytes that all encodings but the last may come to, for each byte that came out in the end. Before
 * it comes, so many may come to at most, for a stream; a program may need much before it says
 * anything.
 */
const BETWEEN = 4
const STREAM_AHEAD = 64 * 1024 * 1024

/**
 * How each encoding is undone: `deflate` here, the others as decompress-stream.ts names them. There,
 * all but `br` are known by their first bytes.
 */
type Layer = 'deflate' | 'br' | 'by its first bytes'

const LAYERS: ReadonlyMap<string, Layer> = new Map([
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['gzip', 'by its first bytes'],
  ['x-gzip', 'by its first bytes'],
  ['zstd', 'by its first bytes'],
  ['xz', 'by its first bytes'],
  ['bzip2', 'by its first bytes'],
])

/** Those of them that Node does not undo itself. */
const PROGRAMS: readonly string[] = ['zstd', 'xz', 'bzip2'].filter(name => !isBuiltIn(name))

/** Whether a Content-Encoding header changes the body at all. */
export function isEncoded(header: string | undefined): boolean {
  return namesIn(header).length > 0
}

/**
 * The decoded body, of at most `limit` bytes. Throws SourceError if the encoding is unknown, the
 * data is corrupt or breaks off, more bytes than that come in or out, or the signal aborts.
 */
export async function decodeBody(
  body: Buffer,
  header: string | undefined,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const undoing = { signal, ahead: BETWEEN * limit, turns: BODIES }
  for await (const chunk of decoding(Readable.from([body]), layersOf(header), undoing)) {
    size += (chunk as Buffer).length
    if (size > limit) throw refused(`answered with more than ${limit} bytes, once decoded`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** How a stream is decoded. */
export interface StreamDecoding {
  readonly signal?: AbortSignal | undefined
  /**
   * Waits until a program may run, and resolves with what gives its turn back. By default some run
   * at once, first come first served, which is for those who do not work for clients.
   */
  readonly turn?: ProgramTurns['take'] | undefined
}

/**
 * The decoded body as a stream; its length is not known. Ends with SourceError where decodeBody
 * throws, and with what a turn rejects with, and ends the body when it is destroyed. The caller
 * limits what comes out. Throws SourceError if an encoding is unknown.
 */
export function decodedStream(
  body: Readable,
  header: string | undefined,
  { signal, turn = STREAMS.take }: StreamDecoding = {},
): Readable {
  return decoding(body, layersOf(header), { signal, ahead: STREAM_AHEAD, turns: { take: turn } })
}

/** Whether a body in these encodings needs a program, if it is what its header says. */
export function needsProgram(header: string | undefined): boolean {
  return namesIn(header).some(name => PROGRAMS.includes(name))
}

interface Undoing {
  readonly signal: AbortSignal | undefined
  /** Bytes between the encodings that are allowed before any byte has come out. */
  readonly ahead: number
  readonly turns: ProgramTurns
}

function decoding(body: Readable, layers: readonly Layer[], { signal, ahead, turns }: Undoing): Readable {
  if (layers.length === 0) return body
  const ended = new AbortController()
  const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
  const flow = countingFlow(ahead)
  const turn = aloneIn(turns)
  let decoded: AsyncIterable<Uint8Array> = body
  for (const [index, layer] of layers.entries()) {
    const source = index === 0 ? decoded : counted(decoded, flow.between)
    decoded = undone(layer, source, { signal: either, turn })
  }
  const out = new PassThrough()
  // An error on the way destroys what is returned.
  pipeline(asSourceErrors(counted(decoded, flow.out)), out, () => undefined)
  out.once('close', () => {
    body.destroy()
    ended.abort()
  })
  // Whoever reads gets it; without a listener it would end the program if nobody does.
  body.on('error', () => undefined)
  return out
}

/** Turns for the programs of one body, of which there is one at most. */
function aloneIn(turns: ProgramTurns): ProgramTurns['take'] {
  let isTaken = false
  return async signal => {
    if (isTaken) throw refused('answered in several encodings that need a program each')
    isTaken = true
    return turns.take(signal)
  }
}

/** Counts bytes at the end and between encodings, where too many throw SourceError. */
function countingFlow(ahead: number) {
  let [between, out] = [0, 0]
  return {
    between({ length }: Uint8Array): void {
      between += length
      if (between > ahead + BETWEEN * out)
        throw refused('answered in encodings around much more than what is in them')
    },
    out({ length }: Uint8Array): void {
      out += length
    },
  }
}

/** Calls back with each piece before it is passed on. */
async function* counted(
  source: AsyncIterable<Uint8Array>,
  count: (piece: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of source) {
    count(piece)
    yield piece
  }
}

/** The layers of a body, the outermost first: the reverse of the order in which they were applied. */
function layersOf(header: string | undefined): readonly Layer[] {
  const names = namesIn(header)
  if (names.length > LAYER_LIMIT) throw refused(`answered in more than ${LAYER_LIMIT} encodings`)
  return names.reverse().map(name => {
    const layer = LAYERS.get(name)
    if (layer === undefined) throw refused(`answered in the encoding "${printable(name, 40)}"`)
    return layer
  })
}

function namesIn(header = ''): string[] {
  const names = header.split(',').map(name => name.trim().toLowerCase())
  return names.filter(name => name !== '' && name !== 'identity' && name !== 'none')
}

async function* undone(
  layer: Layer,
  source: AsyncIterable<Uint8Array>,
  how: Pick<DecompressOptions, 'signal' | 'turn'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (layer === 'deflate') return yield* inflated(source)
  const { decompressed } = await import('../files/decompress-stream.ts')
  const body = source instanceof Readable ? source : Readable.from(source)
  yield* decompressed(body, { compression: layer, limit: Number.POSITIVE_INFINITY, ...how })
}

/** With zlib's header, as the RFC has it, or without, as some servers send it. */
async function* inflated(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = source[Symbol.asyncIterator]()
  const first = await pieces.next()
  const head = Buffer.from(first.done === true ? [] : first.value)
  // Method 8, and a multiple of 31 with the byte that follows (RFC 1950).
  const hasHeader = ((head[0] ?? 0) & 15) === 8 && (head.length < 2 || head.readUInt16BE() % 31 === 0)
  const tool = hasHeader ? createInflate() : createInflateRaw()
  async function* whole() {
    yield head
    yield* { [Symbol.asyncIterator]: () => pieces }
  }
  // An error on the way destroys the tool, so whoever reads from it sees the error.
  pipeline(whole(), tool, () => undefined)
  yield* tool
}

async function* asSourceErrors(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* source
  } catch (error) {
    throw ofDecoding(error)
  }
}

function ofDecoding(error: unknown): SourceError | NoTurn {
  if (error instanceof NoTurn) return error
  if (!(error instanceof Error)) return asSourceError(error)
  const isOurs = error.name === 'DecompressionError' && 'isOurs' in error && error.isOurs === true
  const isCorrupt =
    error.name === 'DecompressionError' || /^Z_/.test(String((error as NodeJS.ErrnoException).code))
  if (!isCorrupt) return asSourceError(error)
  const problem = `answered in an encoding that cannot be undone: ${printable(error.message, 120)}`
  return isOurs ? new SourceError(problem, { isPassing: false }) : refused(problem)
}
