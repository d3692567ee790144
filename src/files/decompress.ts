/**
 * Decompression by the system's own tools, with limits. Strict about what comes after the compressed data, which one
 * reader would pass over and another unpack. Heavy: reached by `import()` alone.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { printable } from '../primitives/printable.ts'
import { findProgram, PROGRAM_DIRECTORIES } from './programs.ts'

/** Bytes that come out: so many at most, and so many for each that goes in. */
const SIZE_LIMIT = 8 * 1024 * 1024 * 1024
const RATIO_LIMIT = 1200
/** Bytes that may come out of the smallest of files. */
const SMALL = 16 * 1024 * 1024
const TIME_LIMIT = 600_000
const COMPLAINT_LIMIT = 4096

export type Compression = 'xz' | 'gzip' | 'bzip2' | 'zstd' | 'lzip'

/** What a file was compressed with, by its first bytes; undefined if by none of these. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const hex = Buffer.from(head.subarray(0, 6)).toString('hex')
  const [found] = MAGIC.find(([, magic]) => hex.startsWith(magic)) ?? []
  return found
}

/** Bytes that compressionOf needs. */
export const MAGIC_SIZE = 6

const MAGIC: readonly (readonly [Compression, string])[] = [
  ['xz', 'fd377a585a00'],
  ['gzip', '1f8b08'],
  ['bzip2', '425a68'],
  ['zstd', '28b52ffd'],
  ['lzip', '4c5a4950'],
]

const ARGUMENTS: Readonly<Record<Compression, readonly string[]>> = {
  xz: ['--decompress', '--stdout', '--memlimit-decompress=1GiB'],
  gzip: ['--decompress', '--stdout'],
  bzip2: ['--decompress', '--stdout'],
  zstd: ['--decompress', '--stdout', '--quiet', '--memory=1024MB'],
  lzip: ['--decompress', '--stdout'],
}

/** Why a file was not decompressed. `tool`: whether another machine's tools might have done it. */
export class DecompressionError extends Error {
  override readonly name = 'DecompressionError'
  readonly tool: boolean

  constructor(message: string, { tool }: { readonly tool: boolean }) {
    super(message)
    this.tool = tool
  }
}

/**
 * Decompresses an opened file (from its beginning, whatever was read of it) to another that is open for writing. Throws
 * DecompressionError if there is no such tool, if the data is corrupt, goes on after its end or is too much, or if it
 * takes longer than ten minutes.
 */
export async function decompress(
  input: { readonly fd: number; readonly size: number },
  compression: Compression,
  output: number,
): Promise<void> {
  const program = findProgram(compression)
  if (program === undefined) {
    throw new DecompressionError(`there is no program ${compression} on this system`, { tool: true })
  }
  // An open file of its own, so that nobody else's place in it moves.
  const source = openSync(`/proc/self/fd/${input.fd}`, 'r')
  const child = spawn(program, ARGUMENTS[compression], {
    env: { PATH: PROGRAM_DIRECTORIES.join(':'), LC_ALL: 'C' },
    stdio: [source, 'pipe', 'pipe'],
  }) as ChildProcessByStdio<null, Readable, Readable>
  closeSync(source)
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT)
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_LIMIT)
  })
  try {
    await writeWithin(child.stdout, output, Math.min(SIZE_LIMIT, Math.max(SMALL, input.size * RATIO_LIMIT)))
    const status = await ended
    // bzip2 says of what comes after the end that it ignores it, and is content.
    if (status === 0 && complaint === '') return
    const reason = complaint.trim() || (status === null ? 'it took too long' : `exit status ${status}`)
    throw new DecompressionError(`${compression}: ${printable(reason, 200)}`, { tool: status === null })
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
    ended.catch(() => undefined)
  }
}

async function writeWithin(pieces: AsyncIterable<Uint8Array>, output: number, limit: number): Promise<void> {
  let size = 0
  for await (const piece of pieces) {
    size += piece.byteLength
    if (size > limit) throw new DecompressionError(`more than ${limit} bytes come out`, { tool: false })
    for (let done = 0; done < piece.byteLength; ) done += writeSync(output, piece, done)
  }
}
